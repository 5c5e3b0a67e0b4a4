"""The GPU platform: what it fills in, and what it refuses, with the reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_gpus import H100, H200, put_gpus
from llm_claims.sources.gpu import GpuPlatform

from llm_claims.errors import Untestable
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training


def source(tmp_path: Path, patch: pytest.MonkeyPatch, *gpus: dict[str, Any]) -> LocalSource:
    put_gpus(tmp_path / "bin", patch, *gpus)
    return LocalSource(GpuPlatform(), EvidenceStore(tmp_path / "store"))


def test_open_fields_become_the_document_s_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H200, H200)
    timed = here.place(Training(zero_stage=3, precision="fp16"), None, None).workload
    assert isinstance(timed, Training)
    assert (timed.model, timed.ranks, timed.context_tokens, timed.initial_weights) == ("llama-7b", 2, 1536, "random")
    taught = here.place(Training(initial_weights="pretrained"), None, None).workload
    assert isinstance(taught, Training)
    assert (taught.model, taught.ranks, taught.zero_stage, taught.samples) == ("llama-85m", 2, 1, 566)
    parted = here.place(Training(initial_weights="pretrained", zero_stage=1), None, None).workload
    assert isinstance(parted, Training)
    assert (parted.model, parted.ranks, parted.parallelism) == ("llama-85m", 2, "deepspeed")


def test_one_gpu_trains_in_one_process_and_as_many_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H100)
    alone = here.place(Training(initial_weights="pretrained"), None, None).workload
    assert isinstance(alone, Training)
    assert (alone.ranks, alone.parallelism, alone.transport, alone.samples) == (1, "ddp", None, 283)


@pytest.mark.parametrize(
    "stated", [{"parallelism": "ddp"}, {"logger": "keras"}, {"ranks": 1}, {"zero_stage": 0, "ranks": 1}]
)
def test_a_case_that_goes_with_one_process_has_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: dict[str, Any]
) -> None:
    here = source(tmp_path, monkeypatch, H200, H200)
    alone = here.place(Training(initial_weights="pretrained", **stated), None, None).workload
    assert isinstance(alone, Training)
    assert (alone.ranks, alone.zero_stage, alone.parallelism, alone.transport) == (1, 0, "ddp", None)
    assert alone.samples == 283


def test_a_stated_transport_is_an_analogue_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H200, H200)
    placed = here.place(Training(zero_stage=1, transport="shm"), None, None)
    assert placed.note == "an analogue of EFA, not EFA: NCCL between GPUs of one host, shm"


def test_samples_follow_the_ranks_that_a_case_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, *[H200] * 8)
    runs = [here.place(Training(zero_stage=1, ranks=ranks), None, None).workload for ranks in (2, 4, 8)]
    assert [run.samples for run in runs if isinstance(run, Training)] == [16, 32, 64]


def test_rdma_has_a_transport_between_gpus_for_an_analogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H200, H200)
    asked = Training(zero_stage=1, precision="bf16")
    fast, slow = (here.place(asked.model_copy(update={"rdma": rdma}), None, None) for rdma in (True, False))
    assert [one.workload.transport for one in (fast, slow) if isinstance(one.workload, Training)] == ["p2p", "socket"]
    assert fast.workload.digest == here.place(asked, None, None).workload.digest  # measured once
    assert "not EFA" in fast.note


def test_only_the_reference_engine_compiles_its_decoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H100)
    caches = [
        here.place(Generation(engine=engine), None, None).workload.model_dump()["cache"]
        for engine in (None, "accelerate", "deepspeed")
    ]
    assert caches == ["static", "dynamic", "dynamic"]


def test_the_memory_of_an_instance_is_a_cap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, H100)
    placed = here.place(Generation(model="llama-13b", precision="fp16"), None, "ml.g5.2xlarge")
    assert isinstance(placed.workload, Generation)
    assert (placed.workload.device_memory_gib, placed.instance) == (24, None)
    assert "not of its speed" in placed.note


@pytest.mark.parametrize(
    ("gpus", "workload", "on", "reason"),
    [
        ([H100], Training(zero_stage=1), None, "ZeRO partitions what ranks hold.*there is one"),
        ([H100], Generation(engine="deepspeed", tensor_parallel_degree=8), None, "needs 8 GPUs; this machine has 1"),
        ([H100, H100], Training(ranks=4, zero_stage=3), None, "ranks=4 needs 4 GPUs; this machine has 2"),
        ([H100, H100], Training(zero_stage=1), None, "training llama-7b at 2 ranks needs 69 GiB"),
        ([{**H100, "memory.total": 16384}], Generation(model="llama-13b"), None, "serving llama-13b on 1 GPU"),
        ([{**H100, "memory.total": 16384}], Generation(), "g5.2xlarge", "a cap of 24 GiB needs 24 GiB a GPU"),
        ([H100, H100], Generation(tensor_parallel_degree=2), None, "transformers serves on one GPU"),
        ([H100], Generation(engine="fastertransformer"), None, "FasterTransformer exists as serving images alone"),
        ([H100], Generation(), "g4dn.xlarge", "needs ml.g4dn.xlarge; this is a GPU of this machine"),
        ([H100], Loading(), None, "loading is measured on the processor"),
        ([H100, H100], Training(zero_stage=1, link_mbit_per_second=8), None, "a shaped link"),
        ([], Generation(), None, "no NVIDIA GPU"),
    ],
)
def test_what_these_devices_cannot_measure_is_refused_with_the_reason(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    gpus: list[dict[str, Any]],
    workload: Workload,
    on: str | None,
    reason: str,
) -> None:
    if gpus and "training llama-7b" in reason:
        gpus = [{**one, "memory.total": 61440} for one in gpus]
    with pytest.raises(Untestable, match=reason):
        source(tmp_path, monkeypatch, *gpus).place(workload, None, on)


def test_a_device_that_does_not_tell_its_memory_may_be_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, {**H100, "memory.used": "[N/A]"})
    with pytest.raises(Untestable, match="GPU 0 does not say how much of its memory is in use"):
        here.draw([here.place(Generation(), None, None)], 1, timed=True)


def test_a_driver_that_dies_takes_nothing_from_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = source(tmp_path, monkeypatch, H100)
    before = GpuPlatform().take()
    EvidenceStore(tmp_path / "store").write_devices("gpu", before)
    put_gpus(tmp_path / "bin", monkeypatch, fails="Unable to determine the device handle: GPU is lost")
    assert here.devices() == before


def test_a_device_in_use_is_refused_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = source(tmp_path, monkeypatch, {**H100, "memory.used": 4000})
    placed = here.place(Generation(), None, None)
    with pytest.raises(Untestable, match="another process holds GPU 0: 4000 MiB"):
        here.draw([placed], 1, timed=True)
