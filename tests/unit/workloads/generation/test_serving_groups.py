"""Serving groups on GPUs: which is closed for another; what a rank calls first, caps, and reports when it fails."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fake_gpus import H100, put_gpus

from llm_claims.workloads.generation import serving_groups
from llm_claims.workloads.generation.engines import EngineFailure
from llm_claims.workloads.generation.loaded_model import ModelKey, Run
from llm_claims.workloads.generation.serving_groups import LONGEST, ServingGroups, ServingRank
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.llm.ranks import RankError
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.protocol import Answer, Request

GIB = 2**30


def request(**changes: Any) -> Request:
    fields = {"model": "llama-13b", "precision": "bf16", "api": "generate", "input_tokens": 10, "new_tokens": 64}
    return Request(workload=Generation(**{**fields, **changes}), round=1, seed=11)


# ServingGroups


class FakeGroup:
    """Answers at once, unless it is told to die, until it is closed."""

    made: list[FakeGroup]

    def __init__(self, serve: object, degree: int) -> None:
        self.degree = degree
        self.up = True
        self.dies = False
        self.made.append(self)

    def ask(self, request: Request) -> Answer:
        assert self.up
        if self.dies:
            raise RankError("a serving process ended")
        return Answer()

    def close(self) -> None:
        self.up = False


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[FakeGroup]:
    """The groups that were made, in their order, on a GPU that has room for two of 13B."""
    put_gpus(tmp_path, monkeypatch, H100)
    monkeypatch.setattr(FakeGroup, "made", [], raising=False)
    monkeypatch.setattr(serving_groups, "ServingGroup", FakeGroup)
    return FakeGroup.made


def test_requests_that_need_the_same_share_a_serving_group(made: list[FakeGroup]) -> None:
    here = ServingGroups(3)
    for changes in ({}, {"input_tokens": 750}, {"prompts": 4, "batch_size": 4}, {"engine": "accelerate"}):
        here.run(request(**changes))
    assert [group.up for group in made] == [True, True]


@pytest.mark.parametrize(
    ("engine", "processes"),
    [("deepspeed", 4), ("deepspeed-kernel-injection", 4), ("accelerate", 1)],
)
def test_tensor_parallelism_has_a_process_a_device_and_device_maps_one_for_all(
    made: list[FakeGroup], engine: str, processes: int
) -> None:
    ServingGroups(3).run(request(engine=engine, tensor_parallel_degree=4))
    assert [group.degree for group in made] == [processes]


def test_the_group_that_was_asked_longest_ago_makes_room(made: list[FakeGroup]) -> None:
    here = ServingGroups(3)
    first, second, third = ({"precision": "bf16"}, {"precision": "fp16"}, {"engine": "deepspeed"})
    for changes in (first, second, first, third):
        here.run(request(**changes))
    assert [group.up for group in made] == [True, False, True]
    here.run(request(**second))
    assert [group.up for group in made] == [False, False, True, True]


@pytest.mark.parametrize(
    ("crowd", "up"),
    [
        ([{}, {"engine": "deepspeed"}, {"engine": "accelerate"}], 2),  # 31.5 GiB each, of 71.7
        ([{"device_memory_gib": 20}, {"engine": "deepspeed", "device_memory_gib": 20}, {"precision": "fp16"}], 3),
        ([{"device_memory_gib": 60}, {"device_memory_gib": 50}, {"device_memory_gib": 40}], 2),  # the weights decide
        ([{"engine": "deepspeed", "tensor_parallel_degree": degree} for degree in (2, 4, 8)], 3),
        ([{"model": "llama-7b", "precision": one} for one in ("bf16", "fp16")] + [{"model": "llama-13b"}], 3),
    ],
)
def test_what_a_serving_group_takes_is_its_share_of_the_weights_or_its_cap(
    made: list[FakeGroup], crowd: list[dict[str, Any]], up: int
) -> None:
    here = ServingGroups(3)
    for changes in crowd:
        here.run(request(**changes))
    assert sum(group.up for group in made) == up


def test_a_serving_group_that_died_is_told_and_made_anew_when_it_is_asked_again(made: list[FakeGroup]) -> None:
    here = ServingGroups(3)
    here.run(request())
    made[0].dies = True
    with pytest.raises(RankError):
        here.run(request())
    here.run(request())
    assert [group.up for group in made] == [False, True]


def test_what_is_not_supported_starts_nothing(made: list[FakeGroup]) -> None:
    with pytest.raises(UnsupportedWorkload, match="no engine 'fastertransformer' on a GPU"):
        ServingGroups(3).run(request(engine="fastertransformer"))
    assert made == []


# ServingRank


class FakeDevice:
    """What a rank asks PyTorch and sets there, on a device of 80 GiB that copies 2 TB/s."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        import torch

        from llm_claims.workloads.llm import ceilings

        self.done: list[str] = []
        self.fraction = 1.0
        self.calls: list[Generation] = []
        self.seconds = [0.3, 0.1, 0.2]
        self.weight_bytes = 26 * 10**9
        self.raises: dict[str, Exception] = {}
        patch.setattr(serving_groups, "own_device", lambda: torch.device("cuda", 0))
        patch.setattr(torch.cuda, "set_device", lambda _: None)
        patch.setattr(torch.cuda, "empty_cache", lambda: None)
        patch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: self._does("peak"))
        patch.setattr(torch.cuda, "max_memory_allocated", lambda: 30 * GIB)
        patch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(total_memory=80 * GIB))
        patch.setattr(torch.cuda, "get_per_process_memory_fraction", lambda _: self.fraction)
        patch.setattr(torch.cuda, "set_per_process_memory_fraction", self._cap)
        patch.setattr(ceilings, "copy_bandwidth_bytes_per_second", lambda _: self._does("bandwidth", 2e12))
        patch.setattr(
            serving_groups, "load_model", lambda key, device: self._does("load", SimpleNamespace(observer=self))
        )
        patch.setattr(serving_groups, "call", self._call)

    def _does(self, what: str, result: Any = None) -> Any:
        self.done.append(what)
        if what in self.raises:
            raise self.raises[what]
        return result

    def _cap(self, fraction: float, _: object) -> None:
        self.fraction = fraction
        self._does("cap")

    def _call(self, _: object, workload: Generation) -> Run:
        self.calls.append(workload)
        self._does("call")
        return Run([[0] * 74], self.seconds[len(self.calls) % len(self.seconds)])

    # In place of the observer

    def reset(self) -> None:
        self.done.append("reset")

    def witness(self, _: object) -> GenerationWitness:
        return GenerationWitness(
            device="cuda", new_tokens=(64,), forward_batch_sizes=(1,), weight_bytes=self.weight_bytes
        )


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeDevice:
    return FakeDevice(monkeypatch)


def rank(calls: int = 3, **fields: Any) -> ServingRank:
    return ServingRank(
        ModelKey(**{"model": "llama-13b", "precision": "bf16", "engine": "transformers", **fields}), calls
    )


STATIC = Generation(api="generate", cache="static", input_tokens=10, new_tokens=64)
LONG = STATIC.model_copy(update={"input_tokens": 750})
FOUR = STATIC.model_copy(update={"api": "pipeline", "prompts": 8, "batch_size": 4})


def longest(batch: int, workload: Generation) -> Generation:
    sizes = {"input_tokens": LONGEST[0], "new_tokens": LONGEST[1], "prompts": batch, "batch_size": batch}
    return workload.model_copy(update={"api": "generate", **sizes})


@pytest.mark.parametrize(
    ("asked", "untimed"),
    [
        ([STATIC], [[longest(1, STATIC), STATIC]]),
        ([STATIC, STATIC], [[longest(1, STATIC), STATIC], []]),
        ([STATIC, LONG], [[longest(1, STATIC), STATIC], [LONG]]),
        (
            [STATIC, FOUR, STATIC, STATIC],
            [[longest(1, STATIC), STATIC], [longest(4, FOUR), FOUR], [STATIC], []],
        ),
        ([one.model_copy(update={"cache": "dynamic"}) for one in (STATIC, FOUR, STATIC)], [[0], [0], []]),
    ],
    ids=["first", "again", "another-length", "another-batch", "dynamic"],
)
def test_what_a_first_call_compiles_is_called_before_the_longest_first(
    device: FakeDevice, asked: list[Generation], untimed: list[list[Any]]
) -> None:
    """With a dynamic cache nothing is compiled for a size: each workload is called once before it is timed."""
    one = rank()
    for workload, first in zip(asked, untimed, strict=True):
        device.calls.clear()
        one.run(Request(workload=workload, round=1, seed=1))
        assert device.calls == [workload if call == 0 else call for call in first] + [workload] * 3


def test_who_takes_the_time_from_outside_makes_one_call_and_no_other(device: FakeDevice) -> None:
    said = rank(calls=1).run(Request(workload=STATIC, round=1, seed=1))
    assert device.calls == [STATIC]
    assert said.witness.calls is None


def test_first_calls_are_compiling_and_those_that_count_are_measuring(
    device: FakeDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = rank()
    monkeypatch.setattr(serving_groups.clock, "begin", device.done.append)
    one.run(Request(workload=STATIC, round=1, seed=1))
    timed = ["measuring", *["reset", "call"] * 3, "rest"]
    assert device.done == ["bandwidth", "peak", "load", "compiling", "call", "call", *timed]


def test_the_least_time_counts_and_how_near_it_is_to_what_the_memory_allows(device: FakeDevice) -> None:
    said = rank().run(Request(workload=STATIC, round=1, seed=1))
    assert said.metrics["latency_seconds"] == 0.1
    assert said.witness.calls == 3
    assert said.metrics["bandwidth_bound_share"] == pytest.approx(64 * 26e9 / 2e12 / 0.1)
    assert said.metrics["weight_bandwidth_bytes_per_second"] == pytest.approx(64 * 26e9 / 0.1)
    assert said.metrics["copy_bandwidth_bytes_per_second"] == 2e12
    assert said.metrics["peak_device_memory_bytes"] == 30 * GIB


@pytest.mark.parametrize(
    ("workload", "times"),
    [(FOUR, 64), (STATIC.model_copy(update={"api": "pipeline", "prompts": 8}), 8 * 64)],
    ids=["batch", "one-by-one"],
)
def test_weights_are_read_for_each_batch(device: FakeDevice, workload: Generation, times: float) -> None:
    said = rank().run(Request(workload=workload, round=1, seed=1))
    assert said.metrics["bandwidth_bound_share"] == pytest.approx(times * 26e9 / 2e12 / 0.1)
    assert "weight_bandwidth_bytes_per_second" not in said.metrics


def test_the_peak_of_quantized_weights_is_that_of_serving(device: FakeDevice) -> None:
    rank(quantization="int8").run(Request(workload=STATIC, round=1, seed=1))
    assert device.done[:4] == ["bandwidth", "peak", "load", "peak"]


@pytest.mark.parametrize(("gib", "fraction", "seen"), [(24, 0.3, 24.0), (100, 1.0, 80.0), (None, 1.0, None)])
def test_memory_is_capped_once_after_the_ceiling_and_before_the_model(
    device: FakeDevice, gib: float | None, fraction: float, seen: float | None
) -> None:
    one = rank(calls=1, device_memory_gib=gib)
    for _ in range(2):
        said = one.run(Request(workload=STATIC, round=1, seed=1))
    assert device.done == ["bandwidth", *(["cap"] if gib else []), "peak", "load", "reset", "call", "reset", "call"]
    assert device.fraction == pytest.approx(fraction)
    assert said.witness.device_memory_gib == seen


OUT = "CUDA out of memory. Tried to allocate 2 GiB\nmore"


@pytest.mark.parametrize("where", ["load", "call"])
@pytest.mark.parametrize("engine", ["transformers", "deepspeed"])
def test_memory_that_ends_under_a_cap_is_what_was_to_be_found_out(device: FakeDevice, where: str, engine: str) -> None:
    import torch

    device.raises[where] = torch.OutOfMemoryError(OUT)
    said = rank(engine=engine, device_memory_gib=24).run(Request(workload=STATIC, round=1, seed=1))
    signature = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB"
    assert said.outcome == Outcome(kind="out_of_memory", signature=signature)
    assert said.witness == GenerationWitness(device="cuda", device_memory_gib=24.0)
    with pytest.raises(torch.OutOfMemoryError):
        rank(engine=engine).run(Request(workload=STATIC, round=1, seed=1))


@pytest.mark.parametrize(
    ("where", "error", "signature"),
    [
        ("load", EngineFailure("it computes other logits"), "it computes other logits"),
        ("call", AttributeError("no attribute 'size'"), "AttributeError: no attribute 'size'"),
    ],
)
def test_an_engine_that_fails_is_evidence_that_names_it(
    device: FakeDevice, where: str, error: Exception, signature: str
) -> None:
    device.raises[where] = error
    said = rank(engine="deepspeed").run(Request(workload=STATIC, round=1, seed=1))
    assert said.outcome == Outcome(kind="failed", signature=signature)
    assert said.witness == GenerationWitness(device="cuda", engine="deepspeed")


def test_the_model_s_own_failure_is_no_engine_s(device: FakeDevice) -> None:
    device.raises["call"] = AttributeError("no attribute 'size'")
    with pytest.raises(AttributeError):
        rank(engine="accelerate").run(Request(workload=STATIC, round=1, seed=1))
    said = Answer.model_validate_json(rank().answer(request(cache="static").model_dump_json()))
    assert (said.outcome.kind, said.witness) == ("failed", None)
