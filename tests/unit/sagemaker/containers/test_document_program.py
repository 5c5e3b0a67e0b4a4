"""The program for images of 2023, with the libraries that are installed here."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest
from scripts import is_so
from warm import Forker, Warm

from llm_claims.sagemaker.containers.document.engine import NotMeasured, _injected, kernels_in
from llm_claims.sagemaker.containers.document.program import gpus_for, outcome_of
from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Ready, Request, read_answer
from llm_claims.workloads.training.workload import Training

DEPLOYMENT = {"model": "llama-tiny", "precision": "fp32", "engine": "accelerate", "device_map": "auto"}
LOADING = Loading(
    model="llama-tiny", precision="fp32", engine="accelerate", device_map="auto", model_server=False, checkpoint="bin"
)
REQUEST = {
    "model": "llama-tiny",
    "precision": "fp32",
    "engine": "accelerate",
    "tensor_parallel_degree": 1,
    "input_tokens": 10,
    "new_tokens": 4,
}
WORKLOADS: dict[str, Workload] = {
    "loading": LOADING,
    "one-by-one": Generation(api="pipeline", prompts=3, **REQUEST),
    "batch": Generation(api="pipeline", prompts=3, batch_size=3, **REQUEST),
    "generate": Generation(api="generate", **REQUEST),
    "again": LOADING,
    "two-prompts": Generation(api="generate", prompts=2, **REQUEST),
}


PROGRAM = """
import os
os.environ.update({environment!r})
from llm_claims.sagemaker.containers.document.engine import NotMeasured, _injected, kernels_in
from llm_claims.sagemaker.containers.document.program import main
raise SystemExit(main())
"""


@pytest.fixture(scope="module")
def said(warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What the program says, in a fork of a process that stands already."""
    folder = str(tmp_path_factory.mktemp("checkpoint"))
    environment = {"LLM_CLAIMS_DEPLOYMENT": json.dumps(DEPLOYMENT), "LLM_CLAIMS_FOLDER": folder}
    program = warm.fork(PROGRAM.format(environment=environment))
    heard = {"ready": json.loads(program.hear())}
    for name, workload in WORKLOADS.items():
        program.say(Request(workload=workload, round=1, seed=1).model_dump_json(exclude_none=True))
        heard[name] = json.loads(program.hear())
    yield heard
    program.hang_up()


def test_it_says_that_it_stands_as_any_program_does(said: dict[str, Any]) -> None:
    assert {"python", "torch", "transformers"} <= set(Ready.model_validate(said["ready"]).software)


@pytest.mark.parametrize("name", ["loading", "one-by-one", "batch", "generate"])
def test_its_witness_confirms_what_was_asked(said: dict[str, Any], name: str) -> None:
    workload = WORKLOADS[name]
    answer = read_answer(json.dumps(said[name]), type(workload))
    assert answer.outcome == Outcome()
    assert differences(workload, answer.witness) == []


def test_a_list_runs_one_prompt_at_a_time_unless_it_is_batched(said: dict[str, Any]) -> None:
    assert [said[name]["metrics"]["largest_forward_batch"] for name in ("one-by-one", "batch")] == [1, 3]


def test_a_load_has_a_peak_and_happens_once_a_process(said: dict[str, Any]) -> None:
    assert said["loading"]["metrics"]["peak_host_memory_bytes"] > 1e7
    again = said["again"]["outcome"]
    assert again["signature"] == "Refused: this process has loaded its model already: each load needs a fresh process"


def test_what_it_does_not_do_is_a_failure_that_says_why(said: dict[str, Any]) -> None:
    outcome = said["two-prompts"]["outcome"]
    assert outcome["signature"] == "Refused: generate runs one batch: use the pipeline for more prompts than fit one"


def test_ranks_answer_and_end_together(fork: Forker) -> None:
    deployment = {"model": "llama-tiny", "precision": "fp32", "engine": "deepspeed", "tensor_parallel_degree": 2}
    program = fork(PROGRAM.format(environment={"LLM_CLAIMS_DEPLOYMENT": json.dumps(deployment)}))
    program.ready()
    for _ in range(2):
        program.say(Request(workload=Training(), round=1, seed=1).model_dump_json(exclude_none=True))
        assert "not training" in json.loads(program.hear())["outcome"]["signature"]
        assert len(program.family()) == 2
    program.hang_up()
    assert is_so(lambda: not program.family())


class Module:
    """A model, or a part of one, as far as it is looked at."""

    def __init__(self, *parts: Module) -> None:
        self._parts = parts

    def modules(self) -> list[Module]:
        return [self, *self._parts]


class Kernel(Module):
    """A module of DeepSpeed."""


Kernel.__module__ = "deepspeed.model_implementations.transformers.ds_llama"


@pytest.mark.parametrize("replaces", [True, False])
def test_deepspeed_that_leaves_a_model_as_it_was_measures_nothing(
    monkeypatch: pytest.MonkeyPatch, replaces: bool
) -> None:
    """Release 0.8.0 knows no Llama: it returns the model untouched, without a word."""
    given = Module(Kernel() if replaces else Module())
    deepspeed = types.ModuleType("deepspeed")
    deepspeed.__version__ = "0.8.0"  # type: ignore[attr-defined]
    deepspeed.init_inference = lambda model, **_: types.SimpleNamespace(module=model)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "deepspeed", deepspeed)
    if replaces:
        assert kernels_in(_injected(given, 1, None).module) == ["Kernel"]
    else:
        with pytest.raises(NotMeasured, match=r"DeepSpeed 0\.8\.0 replaced no module of Module: transformers alone"):
            _injected(given, 1, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MemoryError(), "out_of_memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate"), "out_of_memory"),
        (RuntimeError("shapes differ"), "failed"),
        (OSError("Unable to load weights"), "failed"),
    ],
    ids=["memory-error", "host", "device", "shapes", "damaged"],
)
def test_want_of_memory_is_told_from_other_faults(error: Exception, kind: str) -> None:
    assert outcome_of(error)["kind"] == kind


@pytest.mark.parametrize(
    ("visible", "degree", "left"),
    [(None, 2, "0,1"), ("0,1,2,3,4,5,6,7", 1, "0"), ("4,5,6,7", 2, "4,5"), ("", 1, "")],
)
def test_a_model_sees_only_the_gpus_of_its_degree(visible: str | None, degree: int, left: str) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert gpus_for(degree, environment) == left
