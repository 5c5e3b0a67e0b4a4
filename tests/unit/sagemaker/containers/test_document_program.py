"""The program for images of 2023, with the libraries that are installed here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from llm_claims.sagemaker.containers.document.program import outcome_of
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.outcome import Outcome
from llm_claims.workloads.protocol import Answer, Ready, Request
from llm_claims.workloads.witness import differences

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


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    lines = [
        Request(workload=workload, round=number, seed=number).model_dump_json(exclude_none=True) + "\n"
        for number, workload in enumerate(WORKLOADS.values(), start=1)
    ]
    environment = {
        **os.environ,
        "LLM_CLAIMS_DEPLOYMENT": json.dumps(DEPLOYMENT),
        "LLM_CLAIMS_FOLDER": str(tmp_path_factory.mktemp("checkpoint")),
    }
    done = subprocess.run(
        [sys.executable, "-m", "llm_claims.sagemaker.containers.document.program"],
        input="".join(lines),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    ready, *answers = done.stdout.splitlines()
    return {"ready": ready, **dict(zip(WORKLOADS, answers, strict=True))}


def test_it_says_that_it_stands_as_any_program_does(said: dict[str, Any]) -> None:
    assert {"python", "torch", "transformers"} <= set(Ready.model_validate_json(said["ready"]).software)


@pytest.mark.parametrize("name", ["loading", "one-by-one", "batch", "generate"])
def test_its_witness_confirms_what_was_asked(said: dict[str, Any], name: str) -> None:
    answer = Answer.model_validate_json(said[name])
    assert answer.outcome == Outcome()
    assert differences(WORKLOADS[name], answer.witness) == []


def test_a_list_runs_one_prompt_at_a_time_unless_it_is_batched(said: dict[str, Any]) -> None:
    batches = {
        name: Answer.model_validate_json(said[name]).metrics["largest_forward_batch"]
        for name in ("one-by-one", "batch")
    }
    assert batches == {"one-by-one": 1, "batch": 3}


def test_a_load_has_a_peak_and_happens_once_a_process(said: dict[str, Any]) -> None:
    peak = Answer.model_validate_json(said["loading"]).metrics["peak_host_memory_bytes"]
    assert isinstance(peak, float)
    assert peak > 1e7
    again = Answer.model_validate_json(said["again"]).outcome
    assert again.signature == "Refused: this process has loaded its model already: each load wants a fresh one"


def test_what_it_does_not_do_is_a_failure_that_says_why(said: dict[str, Any]) -> None:
    outcome = Answer.model_validate_json(said["two-prompts"]).outcome
    assert outcome.signature == "Refused: generate takes one batch: a list of prompts is the pipeline's"


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
