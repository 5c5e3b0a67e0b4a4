"""The times of tokens, by a clock that the test sets."""

from __future__ import annotations

import pytest

from llm_claims.workloads.generation import token_clock


def test_figures_are_those_of_their_definitions(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([10.0, 10.5, 10.6, 10.9, 11.0])
    monkeypatch.setattr(token_clock, "perf_counter", lambda: next(times))
    clock = token_clock.TokenClock()
    for token in ("prompt", 1, 2, 3, 4):
        clock.put(token)
    clock.end()
    assert clock.figures() == {
        "time_to_first_token_seconds": 0.5,
        "time_per_output_token_seconds": pytest.approx(0.5 / 3),
        "inter_token_latency_seconds": pytest.approx(0.1),
    }


def test_no_token_has_no_time() -> None:
    clock = token_clock.TokenClock()
    clock.put("prompt")
    assert clock.figures() == {}
