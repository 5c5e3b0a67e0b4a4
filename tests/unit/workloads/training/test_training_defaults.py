"""What fills an open training run and which template goes first, what stands for an interconnect, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from fake_gpus import FakeGpus, place

from llm_claims.errors import Untestable
from llm_claims.workloads.hardware import Hardware, Processor
from llm_claims.workloads.training import link
from llm_claims.workloads.training.defaults import CPU, TrainingDefaults
from llm_claims.workloads.training.workload import Training

EACH = TrainingDefaults(
    fields=Training(samples=1, model="m", transport="p2p"),
    pretrained=Training(samples=2, learning_rate=0.2),
    partitioned=Training(samples=3, parallelism="deepspeed", zero_stage=1, ranks=4),
    linked=Training(samples=4, warmup_steps=4),
)
TAUGHT: dict[str, Any] = {"initial_weights": "pretrained"}


@pytest.mark.parametrize(
    ("stated", "samples"),
    [
        ({}, 1),
        ({"initial_weights": "random"}, 1),
        (TAUGHT, 2),
        ({"zero_stage": 0}, 1),
        ({"zero_stage": 3}, 3),
        ({"parallelism": "deepspeed"}, 3),
        ({**TAUGHT, "zero_stage": 1}, 3),
        ({"link_mbit_per_second": 8}, 4),
        ({"transport": "shm"}, 4),
        ({**TAUGHT, "zero_stage": 1, "transport": "shm"}, 4),
    ],
)
def test_of_the_templates_that_concern_a_run_the_later_goes_first(stated: dict[str, Any], samples: int) -> None:
    assert EACH.fields_for(Training(**stated))["samples"] == samples


def test_templates_that_concern_a_run_are_joined() -> None:
    found = EACH.fields_for(Training(**TAUGHT, zero_stage=3, link_mbit_per_second=8))
    others = {"model": "m", "learning_rate": 0.2, "parallelism": "deepspeed", "zero_stage": 1, "transport": "p2p"}
    assert found == {**others, "samples": 4, "warmup_steps": 4, "ranks": 4}


@pytest.mark.parametrize(
    ("stated", "alone"),
    [
        ({"ranks": 1}, True),
        ({"ranks": 1, "zero_stage": 0}, True),
        ({"ranks": 1, "parallelism": "deepspeed"}, True),
        ({"logger": "keras"}, True),
        ({"parallelism": "ddp"}, True),
        ({"parallelism": "ddp", "ranks": 2}, False),
        ({"parallelism": "deepspeed"}, False),
        ({"ranks": 1, "zero_stage": 1}, False),
    ],
)
def test_what_goes_with_one_process_alone_has_one_before_what_is_partitioned(
    stated: dict[str, Any], alone: bool
) -> None:
    found = EACH.fields_for(Training(**stated))
    assert ((found.get("parallelism"), found.get("zero_stage"), found.get("ranks")) == ("ddp", 0, 1)) is alone
    assert ("transport" in found) is not (alone or stated.get("ranks") == 1), "one rank has nobody to send to"


@pytest.mark.parametrize(
    ("stated", "default", "kept"), [("fp16", "fp32", True), (None, "fp16", True), ("bf16", "fp16", False)]
)
def test_a_loss_scale_is_of_fp16_alone(stated: Any, default: Any, kept: bool) -> None:
    defaults = TrainingDefaults(fields=Training(precision=default, initial_loss_scale=8.0))
    assert ("initial_loss_scale" in defaults.fields_for(Training(precision=stated))) is kept


@pytest.mark.parametrize(
    ("stated", "samples"),
    [({}, 30), ({"ranks": 4}, 40), ({"initial_weights": "random"}, 30), (TAUGHT, 600), ({**TAUGHT, "ranks": 1}, 200)],
)
def test_samples_follow_the_ranks_and_the_weights(stated: dict[str, Any], samples: int) -> None:
    defaults = TrainingDefaults(fields=Training(ranks=3, samples=7), samples_a_rank={"random": 10, "pretrained": 200})
    assert defaults.fields_for(Training(**stated))["samples"] == samples


# What stands for an interconnect


LINKS = {"rdma_mbit_per_second": 32, "no_rdma_mbit_per_second": 8}
TRANSPORTS: dict[str, Any] = {"rdma_transport": "p2p", "no_rdma_transport": "socket"}
NOT_EFA = "an analogue of EFA, not EFA: "


@pytest.mark.parametrize(
    ("given", "stated", "stands", "note"),
    [
        ({}, {"rdma": True}, {"rdma": True}, ""),
        (LINKS, {}, {}, ""),
        (LINKS, {"rdma": True}, {"link_mbit_per_second": 32}, "a link between two network namespaces, 32 or 8 Mbit/s"),
        (LINKS, {"rdma": False}, {"link_mbit_per_second": 8}, "32 or 8 Mbit/s"),
        (TRANSPORTS, {"rdma": True}, {"transport": "p2p"}, "NCCL between GPUs of one host, p2p or socket"),
        ({**LINKS, **TRANSPORTS}, {"rdma": False}, {"transport": "socket"}, "p2p or socket"),
        ({}, {"transport": "shm"}, {"transport": "shm"}, "NCCL between GPUs of one host, shm"),
        ({}, {"transport": "p2p"}, {"transport": "p2p"}, ""),  # what NCCL takes of itself
    ],
)
def test_a_link_or_a_transport_stands_for_an_interconnect(
    given: dict[str, Any], stated: dict[str, Any], stands: dict[str, Any], note: str
) -> None:
    workload, on, found = TrainingDefaults(**given).analogue(Training(**stated), "p4d.24xlarge")
    assert (workload, on) == (Training(**stands), "p4d.24xlarge")
    assert found.startswith(NOT_EFA if note else "")
    assert found.endswith(note)


# On this machine's hardware


def placed(hardware: Hardware, **stated: Any) -> Training:
    workload = place(Training(**stated), hardware).workload
    assert isinstance(workload, Training)
    return workload


def test_the_processor_trains_a_small_model_that_was_taught_here() -> None:
    assert placed(Processor()) == CPU.fields.model_copy(update={"initial_loss_scale": None})
    parted = placed(Processor(), zero_stage=3)
    assert (parted.ranks, parted.parallelism, parted.zero_stage) == (2, "deepspeed", 3)


@pytest.mark.parametrize(
    ("gpus", "stated", "expected"),
    [
        (2, {"zero_stage": 3}, ("llama-7b", "random", "deepspeed", 2, "p2p", 32)),
        (2, TAUGHT, ("llama-85m", "pretrained", "deepspeed", 2, "p2p", 566)),
        (1, TAUGHT, ("llama-85m", "pretrained", "ddp", 1, None, 283)),
        (2, {**TAUGHT, "logger": "keras"}, ("llama-85m", "pretrained", "ddp", 1, None, 283)),
        (8, {"ranks": 4}, ("llama-7b", "random", "deepspeed", 4, "p2p", 64)),
    ],
)
def test_gpus_train_at_the_documents_scale_and_what_was_taught_here_where_losses_count(
    gpus: int, stated: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    run = placed(FakeGpus(gpus), **stated)
    assert (run.model, run.initial_weights, run.parallelism, run.ranks, run.transport, run.samples) == expected


def test_with_rdma_is_what_is_measured_anyway_on_gpus() -> None:
    assert placed(FakeGpus(2), zero_stage=1, rdma=True) == placed(FakeGpus(2), zero_stage=1)


@pytest.mark.parametrize(
    ("hardware", "stated", "reason"),
    [
        (Processor(), {"transport": "shm", "ranks": 2}, "transport=shm is one between GPUs; ranks on a processor use"),
        (Processor(), {"ranks": 1, "zero_stage": 1}, "zero_stage=1 partitions state over ranks: it needs at least two"),
        (Processor(), {"model": "llama-7b"}, "llama-7b has no pretrained weights here"),
        (Processor(), {"parallelism": "smp"}, "parallelism: Input should be 'deepspeed' or 'ddp'"),
        (FakeGpus(1), {"zero_stage": 1}, "zero_stage=1 partitions state over ranks: it needs at least two"),
        (FakeGpus(1), {**TAUGHT, "transport": "shm"}, "a transport connects ranks: it needs at least two, not one"),
        (FakeGpus(2), {"ranks": 4, "zero_stage": 3}, "ranks=4 needs 4 GPUs; this machine has 2"),
        (FakeGpus(2, 61_440), {"zero_stage": 1}, "training llama-7b at 2 ranks needs 69 GiB a GPU; one has 60 GiB"),
        (FakeGpus(2), {"zero_stage": 1, "link_mbit_per_second": 8}, "a shaped link connects network namespaces"),
    ],
)
def test_what_hardware_cannot_train_is_refused(hardware: Hardware, stated: dict[str, Any], reason: str) -> None:
    with pytest.raises(Untestable, match=reason):
        placed(hardware, **stated)


def test_ranks_that_share_cores_are_refused_only_where_they_are_timed() -> None:
    run = placed(Processor(), ranks=4, zero_stage=1)
    with pytest.raises(Untestable, match=r"ranks=4 would compete .* times are compared: at most 2 are timed"):
        run.check_timed(Processor())
    placed(Processor(), ranks=2, zero_stage=1).check_timed(Processor())
    placed(FakeGpus(4), ranks=4, zero_stage=1).check_timed(FakeGpus(4))


def test_the_trainers_own_loss_scale_is_left_to_it() -> None:
    assert placed(Processor(), precision="fp16").initial_loss_scale == 2.0**16
    assert placed(Processor(), precision="fp16", precision_by="trainer").initial_loss_scale is None


@pytest.mark.parametrize(("stage", "gigabytes"), [(1, 69), (2, 62), (3, 55)])
def test_each_stage_partitions_more(stage: int, gigabytes: int) -> None:
    with pytest.raises(Untestable, match=f"training llama-7b at 2 ranks needs {gigabytes} GiB a GPU"):
        placed(FakeGpus(2, 40_960), zero_stage=stage)


def test_a_link_that_cannot_be_shaped_here_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "missing", lambda: "needs tc (iproute2)")
    with pytest.raises(Untestable, match=r"^needs tc \(iproute2\)$"):
        placed(Processor(), zero_stage=1, rdma=True)


@pytest.mark.parametrize("flags", ["avx2", "avx2 avx512_fp16"])
def test_deepspeed_takes_fp16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch, flags: str) -> None:
    from llm_claims.workloads.training import checks

    checks._has_native_fp16.cache_clear()
    monkeypatch.setattr(checks.Path, "read_text", lambda *_, **__: f"flags : {flags}")
    try:
        if "fp16" in flags:
            assert placed(Processor(), zero_stage=1, precision="fp16").initial_loss_scale == 2.0**16
        else:
            with pytest.raises(Untestable, match="DeepSpeed refuses fp16 on a processor without native fp16"):
                placed(Processor(), zero_stage=1, precision="fp16")
    finally:
        checks._has_native_fp16.cache_clear()
