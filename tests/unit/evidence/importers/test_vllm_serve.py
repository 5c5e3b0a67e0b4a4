"""Results of ``vllm bench serve``: objects and printed tables."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]
RESULT = {
    "date": "20260301-101502",
    "backend": "vllm",
    "label": None,
    "model_id": "llama-7b",
    "num_prompts": 200,
    "request_rate": "inf",
    "burstiness": 1.0,
    "max_concurrency": 8,
    "duration": 41.73,
    "completed": 200,
    "total_output_tokens": 25600,
    "request_throughput": 4.7927,
    "request_goodput:": 4.5,
    "output_throughput": 613.467,
    "mean_ttft_ms": 182.44,
    "median_ttft_ms": 171.02,
    "std_ttft_ms": 60.1,
    "p99_ttft_ms": 401.9,
    "p50_tpot_ms": 11.5,
    "p99_itl_ms": 31.5,
    "p12_itl_ms": 3.5,
    "mean_e2el_ms": 2000.5,
    "ttfts": [0.12, 0.0, 0.25],
    "itls": [[0.1], [], [0.2]],
}
TABLE = """\
INFO starting
============ Serving Benchmark Result ============
Successful requests:                     200
Failed requests:                         1
Maximum request concurrency:             8
Request rate configured (RPS):           1.50
Benchmark duration (s):                  41.73
Total input tokens:                      150000
Request throughput (req/s):              4.79
Output token throughput (tok/s):         613.40
Total Token throughput (tok/s):          4207.99
---------------Time to First Token----------------
Mean TTFT (ms):                          182.44
P99 TTFT (ms):                           401.90
-----Time per Output Token (excl. 1st token)------
Median TPOT (ms):                        11.52
==================================================
"""


def fields(run: Run) -> dict[str, object]:
    return {name: value for name, (value, _) in run.fields.items()}


def figures(run: Run) -> dict[str, tuple[float, float | None]]:
    return {name: (one.samples[0], one.resolution) for name, one in run.metrics.items()}


def test_an_object_is_a_run_in_seconds(read: Read) -> None:
    (run,) = read(json.dumps(RESULT, indent=1), "result.json")
    assert fields(run) == {
        "model": "llama-7b",
        "engine": "vllm",
        "requests": 200,
        "concurrency": 8,
        "request_rate": "inf",
    }
    assert figures(run) == {
        "duration_seconds": (41.73, 0.01),
        "completed_requests": (200, None),
        "requests_per_second": (4.7927, 0.0001),
        "goodput_requests_per_second": (4.5, 0.1),
        "output_tokens_per_second": (613.467, 0.001),
        "mean_time_to_first_token_seconds": (0.18244, 1e-5),
        "median_time_to_first_token_seconds": (0.17102, 1e-5),
        "p99_time_to_first_token_seconds": (0.4019, 1e-4),
        "median_time_per_output_token_seconds": (0.0115, 1e-4),
        "p99_inter_token_latency_seconds": (0.0315, 1e-4),
        "mean_latency_seconds": (2.0005, 1e-4),
        "all_time_to_first_token_seconds": (0.12, 0.01),
    }
    first = run.metrics["mean_time_to_first_token_seconds"]
    assert (first.unit, first.note, first.place) == ("s", "printed as 182.44 ms", f"{run.path}, line 16")
    each = run.metrics["all_time_to_first_token_seconds"]
    assert (each.samples, each.note) == ((0.12, 0.25), "1 of 3 requests had no token")
    assert run.left_out == {"burstiness", "total_output_tokens", "std_ttft_ms", "p12_itl_ms", "itls"}
    assert run.provenance["date"] == "2026-03-01"


def test_every_line_is_a_run(read: Read) -> None:
    first, second = read(f"{json.dumps(RESULT)}\n{json.dumps({**RESULT, 'request_rate': 2.5})}\n", "results.jsonl")
    assert (first.fields["request_rate"][0], second.fields["request_rate"][0]) == ("inf", 2.5)
    assert (first.last, second.last) == (1, 2)


def test_a_table_is_a_run_with_the_digits_that_are_printed(read: Read) -> None:
    first, second = read(TABLE + TABLE.replace("1.50", "inf"))
    assert fields(first) == {"concurrency": 8, "request_rate": 1.5}
    assert second.fields["request_rate"][0] == "inf"
    assert figures(first) == {
        "completed_requests": (200, None),
        "failed_requests": (1, None),
        "duration_seconds": (41.73, 0.01),
        "requests_per_second": (4.79, 0.01),
        "output_tokens_per_second": (613.40, 0.01),
        "total_tokens_per_second": (4207.99, 0.01),
        "mean_time_to_first_token_seconds": (0.18244, 1e-5),
        "p99_time_to_first_token_seconds": (0.4019, 1e-5),
        "median_time_per_output_token_seconds": (0.01152, 1e-5),
    }
    assert first.metrics["duration_seconds"].place == f"{first.path}, line 7"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE[:-60], "line 2: the table that begins here is cut off"),
        (TABLE[:-60] + TABLE, "line 2: the table is cut off"),
        (
            TABLE.replace("182.44", "182,44"),
            "line 13: mean_time_to_first_token_seconds is '182,44', which",
        ),
        (TABLE.replace("182.44", "nan"), "line 13: mean_time_to_first_token_seconds is nan, where a figure is needed"),
        (json.dumps(RESULT)[:-1], "line 1: not JSON, or cut short"),
        (json.dumps({**RESULT, "mean_ttft_ms": float("nan")}), "line 1: mean_time_to_first_token_seconds is NaN"),
        ('{"mean_ttft_ms": 1}', "no result of vllm bench serve"),
    ],
)
def test_what_cannot_be_trusted_is_refused(read: Read, text: str, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(text)
    assert said in str(caught.value)
