from __future__ import annotations

import pytest
from workers import generation, table, training

from llm_claims.errors import Untestable
from llm_claims.sagemaker.deployments import EFA_WITHOUT_RDMA, deployment_of
from llm_claims.sagemaker.stacks import CURRENT, DOCUMENT, LOCAL
from llm_claims.sources.base import Placed
from llm_claims.workloads.base import Workload
from llm_claims.workloads.loading.workload import Loading


def deploy(workload: Workload, instance: str = "g5.2xlarge", stack=CURRENT, **options):
    return deployment_of(Placed(workload, instance), stack, table(), **options)


def test_requests_of_one_model_share_an_endpoint() -> None:
    short, long = deploy(generation(input_tokens=10)), deploy(generation(input_tokens=750, prompts=8, batch_size=8))
    assert short == long
    assert short.key == long.key
    assert (short.kind, short.program, short.count) == ("endpoint", "generate", 1)


@pytest.mark.parametrize(
    "other",
    [{"model": "llama-13b"}, {"precision": "fp16"}, {"engine": "accelerate"}],
    ids=["model", "precision", "engine"],
)
def test_another_configuration_needs_an_endpoint_of_its_own(other: dict[str, str]) -> None:
    assert deploy(generation()) != deploy(generation(**other))
    assert deploy(generation()).key != deploy(generation(**other)).key


def test_another_instance_degree_or_stack_does_too() -> None:
    fp16 = generation(precision="fp16", engine="accelerate")
    ones = [
        deploy(fp16),
        deploy(fp16, "g5.12xlarge"),
        deploy(fp16.model_copy(update={"tensor_parallel_degree": 2}), "g5.12xlarge"),
        deploy(fp16, stack=DOCUMENT),
    ]
    assert len(set(ones)) == 4


def test_as_many_machines_as_the_ranks_need() -> None:
    assert deploy(training(), "p4d.24xlarge").count == 2
    assert deploy(training(ranks=8), "p4d.24xlarge").count == 1
    assert deploy(training(), "p4d.24xlarge").label == "train-p4d-24xlarge"


def test_a_deployment_knows_the_gpus_of_its_machine() -> None:
    sizes = {"g5.2xlarge": 1, "g5.12xlarge": 4, "p4d.24xlarge": 8}
    assert {name: deploy(generation(), name).gpus for name in sizes} == sizes


def test_rdma_on_and_off_are_explicit() -> None:
    on, off, left = (dict(deploy(training(rdma=rdma), "p4d.24xlarge").environment) for rdma in (True, False, None))
    assert on["NCCL_DEBUG"] == off["NCCL_DEBUG"] == left["NCCL_DEBUG"] == "INFO"
    assert on["FI_PROVIDER"] == "efa"
    assert "FI_EFA_USE_DEVICE_RDMA" not in on, "on a device without RDMA it aborts"
    assert EFA_WITHOUT_RDMA.items() <= off.items()
    assert not (EFA_WITHOUT_RDMA.items() | {("FI_PROVIDER", "efa")}) & left.items()


@pytest.mark.parametrize("rdma", [True, False])
def test_one_machine_has_no_rdma_to_switch(rdma: bool) -> None:
    with pytest.raises(Untestable, match=r"ranks=8 fit on one ml\.p4d\.24xlarge: there is no RDMA between machines"):
        deploy(training(ranks=8, rdma=rdma), "p4d.24xlarge")


def test_a_transport_between_gpus_of_one_machine_is_no_job() -> None:
    with pytest.raises(Untestable, match="transport=shm is between GPUs of one machine"):
        deploy(training(ranks=16, transport="shm"), "p4d.24xlarge")


def test_rdma_needs_a_type_that_has_it() -> None:
    with pytest.raises(Untestable, match=r"RDMA over EFA needs GPUDirect RDMA, which ml\.g5\.48xlarge does not have"):
        deploy(training(rdma=True), "g5.48xlarge")


def test_a_degree_needs_as_many_gpus() -> None:
    with pytest.raises(Untestable, match=r"tensor_parallel_degree=2 needs as many GPUs; ml\.g5\.2xlarge has 1"):
        deploy(generation(engine="accelerate", tensor_parallel_degree=2))


def loading(**fields) -> Loading:
    return Loading(**{"model": "llama-7b", "precision": "fp16", "engine": "deepspeed", "model_server": True, **fields})


def test_a_load_without_a_model_server_is_a_job() -> None:
    served, alone = (deploy(loading(model_server=here), "g4dn.xlarge", DOCUMENT) for here in (True, False))
    assert (served.kind, alone.kind) == ("endpoint", "job")
    assert served.program == alone.program == "document"
    assert served.image == alone.image


def test_each_way_of_loading_is_an_endpoint_and_the_plain_one_serves_as_well() -> None:
    low, high, plain = (deploy(loading(low_cpu_mem_usage=low), "g4dn.2xlarge", DOCUMENT) for low in (True, False, None))
    assert len({low, high, plain}) == 3
    assert plain == deploy(generation(engine="deepspeed", precision="fp16"), "g4dn.2xlarge", DOCUMENT)


@pytest.mark.parametrize(
    ("workload", "stack", "reason"),
    [
        (generation(engine="deepspeed"), CURRENT, "pass --stack document"),
        (generation(engine="fastertransformer"), CURRENT, "FasterTransformer was served"),
        (generation(engine="transformers"), DOCUMENT, "pass --stack current for transformers"),
        (training(), DOCUMENT, "this suite's training program needs 3.11: pass --stack current"),
        (training(parallelism="smp"), CURRENT, "frozen at its image 2.8.0"),
    ],
    ids=["deepspeed", "fastertransformer", "transformers", "training", "smp"],
)
def test_what_a_stack_cannot_do_says_why(workload: Workload, stack, reason: str) -> None:
    with pytest.raises(Untestable, match=reason):
        deploy(workload, "p4d.24xlarge", stack)


def test_an_emulator_runs_the_packages_own_programs_on_one_machine() -> None:
    capped = loading(engine="deepspeed", host_memory_to_weights=1.185, checkpoint="bin")
    assert deploy(capped, stack=LOCAL, emulated=True).program == "load"
    assert deploy(training(ranks=2, link_mbit_per_second=8), stack=LOCAL, emulated=True).count == 1
