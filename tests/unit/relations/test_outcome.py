"""`outcome`: a failure counts only as what it is."""

from __future__ import annotations

from typing import Any

import pytest
from builders import MEASURED, REPORTED, Held, failed, measured, reported

from llm_claims.relations import outcome
from llm_claims.relations.verdict import Word
from llm_claims.workloads.generation.workload import Generation, GenerationWitness

R, C, I = Word.REPRODUCED, Word.CONTRADICTED, Word.INCONCLUSIVE  # noqa: E741
REQUEST = Generation()

EXPECTED = ("completed", "out_of_memory", "failed")
CASES = [
    # how it ended, who says so: verdicts for each expectation
    ("completed", "reported", (R, C, C)),
    ("completed", "measured", (R, C, C)),
    ("out_of_memory", "reported", (C, R, R)),
    ("out_of_memory", "measured", (C, R, R)),
    ("failed", "reported", (C, C, R)),
    # A full disk fails too: a measured failure of unknown cause proves nothing.
    ("failed", "measured", (C, I, I)),
]


def ended(kind: Any, by: str = "reported") -> Held:
    if kind == "completed":
        return Held(reported(REQUEST) if by == "reported" else measured(REQUEST))
    provenance = REPORTED if by == "reported" else MEASURED
    seen = GenerationWitness() if kind == "out_of_memory" else None
    return Held(failed(REQUEST, kind, "CUDA error 700", provenance=provenance, witness=seen))


@pytest.mark.parametrize(("kind", "by", "words"), CASES)
def test_outcome(kind: str, by: str, words: tuple[Word, ...]) -> None:
    found = [outcome(ended(kind, by), expected).verdict().word for expected in EXPECTED]
    assert tuple(found) == words


def test_the_signature_is_shown() -> None:
    assert outcome(ended("failed"), "failed").verdict().reason == "ended failed: CUDA error 700"
    assert outcome(ended("completed"), "failed").verdict().reason == "ended completed"
    verdict = outcome(ended("failed", "measured"), "failed").verdict()
    assert verdict.reason == "ended failed: CUDA error 700; a failure of another or unknown cause proves nothing"


def test_there_is_one_ending_and_no_effect() -> None:
    verdict = outcome(ended("completed"), "completed").verdict()
    assert (verdict.effect, verdict.interval, verdict.n, verdict.relation) == (None, None, 1, "outcome")


def test_the_measurement_is_the_run_itself() -> None:
    run = ended("completed")
    assert outcome(run, "completed").measurements == (run,)
