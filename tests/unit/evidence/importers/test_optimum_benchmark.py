"""Reports of optimum-benchmark, with the configuration beside them or in the same file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llm_claims.errors import RecordingError
from llm_claims.evidence.importers.run import Run

Read = Callable[..., list[Run]]


def latency(*values: float) -> dict[str, Any]:
    return {"unit": "s", "values": values, "count": len(values), "mean": 9.9, "p50": values[1]}


REPORT = {
    "load": {"memory": None, "latency": latency(1.5, 1.6)},
    "prefill": {
        "memory": {"unit": "MB", "max_ram": 1411.2, "max_allocated": 13771.5},
        "latency": latency(0.0512, 0.0509, 0.0515),
        "throughput": {"unit": "tokens/s", "value": 14655.6},
        "energy": None,
    },
    "decode": {
        "memory": {"unit": "MB", "max_ram": 1411.2, "max_allocated": 13800.0},
        "latency": latency(1.021, 1.019),
        "throughput": {"unit": "tokens/s", "value": 123.2},
    },
    "per_token": {"latency": latency(0.01, 0.011)},
}
CONFIG = {
    "backend": {"name": "pytorch", "model": "llama-7b", "torch_dtype": "float16"},
    "scenario": {"input_shapes": {"batch_size": 4, "sequence_length": 256}, "generate_kwargs": {"max_new_tokens": 100}},
    "environment": {"cpu": " A processor", "gpu": ["A10G"], "transformers_version": "4.47.0", "torch_version": None},
}


def test_a_report_has_medians_and_rates(read: Read) -> None:
    (run,) = read(json.dumps(REPORT, indent=1), "benchmark_report.json")
    assert {name: (one.samples[0], one.unit) for name, one in run.metrics.items()} == {
        "time_to_first_token_seconds": (0.0509, "s"),
        "prefill_tokens_per_second": (14655.6, "tokens/s"),
        "decode_seconds": (1.019, "s"),
        "decode_tokens_per_second": (123.2, "tokens/s"),
        "inter_token_latency_seconds": (0.011, "s"),
        # the higher of the two parts
        "peak_device_memory_bytes": (13_800_000_000, "bytes"),
    }
    assert run.metrics["time_to_first_token_seconds"].note == "the median of 3 repetitions"
    assert run.fields == {}
    assert {"load", "memory.max_ram"} <= run.left_out


@pytest.mark.parametrize("beside", [True, False], ids=["beside", "in one file"])
def test_the_configuration_states_fields(read: Read, tmp_path: Path, beside: bool) -> None:
    (tmp_path / "benchmark_config.json").write_text(json.dumps(CONFIG if beside else {}))
    (run,) = read(json.dumps(REPORT if beside else {"config": CONFIG, "report": REPORT}), "benchmark.json")
    assert {name: value for name, (value, _) in run.fields.items()} == {
        "model": "llama-7b",
        "engine": "transformers",
        "api": "generate",
        "precision": "fp16",
        "input_tokens": 256,
        "new_tokens": 100,
        "prompts": 4,
        "batch_size": 4,
    }
    assert run.provenance == {"hardware": "A10G", "software": {"transformers": "4.47.0"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (json.dumps({"decode": None, "x": 1}), "no figure"),
        (json.dumps(REPORT)[:-3], "line 1: not JSON, or cut short"),
        (json.dumps(REPORT).replace("0.0509", "NaN"), "time_to_first_token_seconds is NaN, where a figure is needed"),
        (json.dumps(REPORT).replace('"s"', '"min"'), "seconds is in min, which cannot be converted to s"),
        (json.dumps([REPORT]), "no report of optimum-benchmark"),
    ],
)
def test_what_cannot_be_trusted_is_refused(read: Read, text: str, said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        read(text)
    assert said in str(caught.value)
