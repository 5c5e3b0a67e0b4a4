"""The fixtures against a second, independent reading of the document's tables.

A figure is written here as the document prints it; value and resolution both follow from the text.
"""

from __future__ import annotations

import math
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from builders import FIXTURES

from llm_claims.document.instances import read_instances
from llm_claims.document.register import read_register
from llm_claims.evidence.evidence import key_of
from llm_claims.evidence.recordings import read_recording
from llm_claims.evidence.series import Series, combine
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

DOCUMENT = "document-2023"

TRAINING_COLUMNS = (
    "train_loss",
    "train_runtime_seconds",
    "train_samples_per_second",
    "train_steps_per_second",
    "recent_step_seconds",
    "last_logged_loss",
    "last_logged_learning_rate",
    "last_logged_epoch",
    "last_epoch",
)
TRAINING = {
    ("bf16", 1): "0.3606738395431415 1595.727  5.922 0.092 10.85 0.133  1e-05 0.95 0.99",
    ("fp16", 1): "0.8286514022723347 1606.7104 5.882 0.091 11.25 0.1366 1e-05 0.95 0.99",
    ("fp16", 3): "0.791888512721678  5351.617  1.766 0.027 36.37 0.135  1e-05 0.95 0.99",
    ("bf16", 3): "0.3491278667839206 6274.3528 1.506 0.023 42.56 0.1328 1e-05 0.95 0.99",
}
ELAPSED = {("bf16", 1): (0, 26, 35), ("fp16", 1): (0, 26, 46), ("fp16", 3): (1, 29, 11), ("bf16", 3): (1, 44, 34)}
COUNTS = {"last_logged_step": 140, "optimizer_steps": 147, "global_batch_samples": 64}
RDMA_SPEEDUP = {1: "2", 3: "3"}

LMI_BF16 = {(10, 128): "4.62 4.6", (750, 128): "5.25 5.3", (10, 64): "2.36 2.4", (750, 64): "2.81 2.8"}

# 750 tokens in, 128 out, fp16, no batch_size: model, engine, instance, tensor parallel degree: prompts -> latency
ENGINES: dict[tuple[str, str, str, int], dict[int, str]] = {
    ("llama-7b", "accelerate", "g4dn.xlarge", 1): {1: "10.6"},
    ("llama-7b", "accelerate", "g5.xlarge", 1): {1: "6.56"},
    ("llama-7b", "deepspeed", "g4dn.2xlarge", 1): {1: "8.93"},
    ("llama-7b", "deepspeed", "g5.2xlarge", 1): {1: "5.1", 2: "10.1", 4: "20.1"},
    ("llama-13b", "accelerate", "g5.12xlarge", 2): {1: "18.6"},
    ("llama-13b", "accelerate", "p4d.24xlarge", 1): {1: "7.2"},
    ("llama-13b", "accelerate", "p4d.24xlarge", 2): {1: "7.8"},
    ("llama-13b", "accelerate", "p4d.24xlarge", 8): {1: "8.3"},
    ("llama-13b", "deepspeed", "p4d.24xlarge", 1): {1: "4.8", 2: "8", 4: "16", 8: "33"},
    ("llama-13b", "deepspeed", "p4d.24xlarge", 2): {1: "4.7"},
    ("llama-13b", "deepspeed", "p4d.24xlarge", 4): {1: "4.8"},
    ("llama-13b", "deepspeed", "p4d.24xlarge", 8): {1: "4.8"},
}

# 7B, 128 out, fp16: input, engine, instance, tensor parallel degree: prompts = batch_size -> latency
_SHORT, _LONG = {1: "4.5", 4: "4.6", 8: "4.8"}, {1: "5.2", 4: "7", 8: "9.6"}
PIPELINE: dict[tuple[int, str, str, int], dict[int, str]] = {
    (10, "accelerate", "g4dn.2xlarge", 1): {1: "7.8", 2: "8.4"},
    (10, "deepspeed", "g4dn.2xlarge", 1): {1: "7.6", 4: "8.5", 8: "8.9"},
    (10, "deepspeed", "g5.2xlarge", 1): _SHORT,
    (10, "deepspeed", "g5.48xlarge", 2): _SHORT,
    (10, "deepspeed", "g5.48xlarge", 8): _SHORT,
    (750, "deepspeed", "g5.2xlarge", 1): _LONG,
    (750, "deepspeed", "g5.48xlarge", 2): _LONG,
    (750, "deepspeed", "g5.48xlarge", 8): _LONG,
}

# engine, low_cpu_mem_usage, device_map, model_server, instance: how loading 7B in fp16 ended
LOADING = {
    ("deepspeed", None, None, True, "g4dn.xlarge"): "failed",
    ("deepspeed", None, None, True, "g4dn.2xlarge"): "completed",
    ("accelerate", None, "auto", True, "g4dn.xlarge"): "completed",
    ("accelerate", None, "auto", True, "g4dn.2xlarge"): "completed",
    ("deepspeed", True, None, False, "g4dn.xlarge"): "completed",
    ("deepspeed", False, None, False, "g4dn.xlarge"): "failed",
    ("deepspeed", True, None, True, "g4dn.xlarge"): "failed",
    ("deepspeed", False, None, True, "g4dn.xlarge"): "failed",
}

JUDGED_BY_NO_FIGURE = {
    "train-seed-repeatable",
    "train-log-loss-is-window-mean",
    "train-keras-loss-is-running-mean",
    "train-new-token-random-init-converges-faster",
    "train-warmup-needed",
    "train-smp-speed",
    "serve-fixed-new-tokens",
    "serve-device-map-implies-low-cpu-mem",
}

REGISTER = read_register(FIXTURES / "sagemaker_llama/claims.toml")
INSTANCES = read_instances(FIXTURES / "instances.json")
RECORDING = read_recording(FIXTURES / "sagemaker_llama/recordings" / f"{DOCUMENT}.json")
ENTRIES = {entry.key: entry for entry in RECORDING.evidence}
METRICS = {(at, name): samples for at, entry in ENTRIES.items() for name, samples in entry.metrics.items()}


def at(kind: type[Workload], instance: str, **fields: Any) -> str:
    """The key of a workload with these fields, the others being the document's."""
    defaults = RECORDING.defaults[kind().kind].fields.stated()
    return key_of(kind.model_validate(fields).filled(defaults), instance)


def trained(precision: str, stage: int, rdma: bool | None = None) -> str:
    return at(Training, "p4d.24xlarge", precision=precision, zero_stage=stage, rdma=rdma)


def printed_figures() -> dict[tuple[str, str], str]:
    """Every figure that the document prints, as it prints it; clock times and counts aside."""
    figures: dict[tuple[str, str], str] = {}
    for run, texts in TRAINING.items():
        figures |= {(trained(*run), name): text for name, text in zip(TRAINING_COLUMNS, texts.split(), strict=True)}
    for stage, text in RDMA_SPEEDUP.items():
        figures[trained("bf16", stage, rdma=True), "rdma_speedup"] = text
    for (input_tokens, new_tokens), texts in LMI_BF16.items():
        key = at(Generation, "g5.2xlarge", input_tokens=input_tokens, new_tokens=new_tokens)
        figures[key, "latency_seconds"], figures[key, "latency_seconds_in_text"] = texts.split()
    # All others are fp16 and 128 new tokens.
    for (model, engine, instance, degree), row in ENGINES.items():
        held = {"model": model, "engine": engine, "tensor_parallel_degree": degree, "input_tokens": 750}
        for prompts, text in row.items():
            figures[at(Generation, instance, precision="fp16", prompts=prompts, **held), "latency_seconds"] = text
    for (input_tokens, engine, instance, degree), row in PIPELINE.items():
        held = {"precision": "fp16", "engine": engine, "tensor_parallel_degree": degree, "input_tokens": input_tokens}
        for prompts, text in row.items():
            key = at(Generation, instance, prompts=prompts, batch_size=prompts, **held)
            figures[key, "latency_seconds"] = text
    return figures


def overlap(a: Series, b: Series) -> bool:
    return a.lower[0] <= b.upper[0] and b.lower[0] <= a.upper[0]


# The register


def test_register_holds_every_claim_once() -> None:
    assert len(REGISTER.claims) == 47
    assert Counter(id.split("-")[0] for id in REGISTER.claims) == {"train": 19, "serve": 28}
    assert Counter(c.basis for c in REGISTER.claims.values()) == {"stated": 42, "implied": 4, "ours": 1}
    assert len({c.statement for c in REGISTER.claims.values()}) == 47


def test_register_statements_are_single_sentences() -> None:
    for id, claim in REGISTER.claims.items():
        assert claim.statement.endswith("."), id
        assert ". " not in claim.statement, id


def test_register_names_true_sources_only() -> None:
    reasons = [(source, reason) for c in REGISTER.claims.values() for source, reason in c.untestable.items()]
    assert {source for source, _ in reasons} == {DOCUMENT, "cpu", "gpu", "sagemaker"}
    assert all(len(reason.split()) >= 8 for _, reason in reasons), "a reason must be specific"


def test_register_says_where_the_document_has_no_figure() -> None:
    assert {id for id, c in REGISTER.claims.items() if DOCUMENT in c.untestable} == JUDGED_BY_NO_FIGURE


def test_no_claim_is_untestable_everywhere() -> None:
    for id, claim in REGISTER.claims.items():
        assert set(claim.untestable) < {DOCUMENT, "cpu", "gpu", "sagemaker"}, id


# The instance table


def test_instances_are_those_of_the_document() -> None:
    assert set(INSTANCES.instances) == {e.instance_type for e in RECORDING.evidence}


def test_instance_prices_carry_their_printed_resolution() -> None:
    printed = {
        "g4dn.xlarge": "0.7364",
        "g4dn.2xlarge": "0.94",
        "g5.xlarge": "1.4084",
        "g5.2xlarge": "1.515",
        "g5.12xlarge": "7.09",
        "g5.48xlarge": "20.36",
        "p4d.24xlarge": "25.25",
    }
    found = {name: (i.usd_per_hour, i.price_resolution) for name, i in INSTANCES.instances.items()}
    assert found == {name: read(text) for name, text in printed.items()}


def test_only_p4d_has_gpudirect_rdma() -> None:
    assert [name for name, i in INSTANCES.instances.items() if i.gpudirect_rdma] == ["p4d.24xlarge"]
    efa = {name: i.efa_interfaces for name, i in INSTANCES.instances.items() if i.efa_interfaces}
    assert efa == {"g5.48xlarge": 1, "p4d.24xlarge": 4}


def test_ampere_is_all_but_t4() -> None:
    capability = {i.gpu: i.compute_capability for i in INSTANCES.instances.values()}
    assert capability == {"T4": 7.5, "A10G": 8.6, "A100": 8.0}


# The recording


def read(text: str) -> tuple[float, float]:
    """Value and resolution of a printed figure: ``"10.6"`` is 10.6 to the nearest 0.1."""
    exponent = Decimal(text).as_tuple().exponent
    assert isinstance(exponent, int)
    return float(text), float(Decimal(1).scaleb(exponent))


def test_recording_is_the_documents() -> None:
    assert RECORDING.name == DOCUMENT
    assert RECORDING.documented
    assert RECORDING.complete


def test_recording_has_every_entry_and_figure() -> None:
    assert Counter(e.workload.kind for e in RECORDING.evidence) == {"training": 6, "generation": 47, "loading": 8}
    spreads = Counter(m.spread for e in RECORDING.evidence for m in e.metrics.values())
    assert spreads == {"printed": 90, "exact": 12}


def test_every_printed_figure_agrees_with_the_tables() -> None:
    found = {
        key: (*m.samples, m.resolution)
        for key, m in METRICS.items()
        if m.spread == "printed" and m.rounding == "nearest"
    }
    assert found == {key: read(text) for key, text in printed_figures().items()}


@pytest.mark.parametrize(("precision", "stage"), TRAINING)
def test_clock_times_and_counts_agree_with_the_runs(precision: str, stage: int) -> None:
    entry = ENTRIES[trained(precision, stage)]
    elapsed = entry.metrics["elapsed_seconds"]
    hours, minutes, seconds = ELAPSED[precision, stage]
    assert elapsed.samples == (3600 * hours + 60 * minutes + seconds,)
    assert (elapsed.rounding, elapsed.resolution) == ("down", 1)
    exact = {name: m.samples[0] for name, m in entry.metrics.items() if m.spread == "exact"}
    assert exact == COUNTS


def test_the_runs_that_ended_badly() -> None:
    found = {
        key: (entry.outcome.kind, entry.outcome.signature)
        for key, entry in ENTRIES.items()
        if entry.outcome.kind != "completed" and entry.workload.kind != "loading"
    }
    long = {"precision": "fp16", "input_tokens": 750}
    unsupported = "stated: open-source DeepSpeed inference did not support bf16"
    assert found == {
        at(Generation, "g5.xlarge", **long): ("failed", "ERROR"),
        at(Generation, "g5.2xlarge", model="llama-13b", **long): ("out_of_memory", "OOM"),
        at(Generation, "g5.2xlarge", engine="deepspeed-kernel-injection"): ("failed", unsupported),
    }


def test_loading_outcomes() -> None:
    names = ("engine", "low_cpu_mem_usage", "device_map", "model_server")
    assert {key: one.outcome.kind for key, one in ENTRIES.items() if one.workload.kind == "loading"} == {
        at(Loading, instance, **dict(zip(names, fields, strict=True))): kind
        for (*fields, instance), kind in LOADING.items()
    }


def test_figures_belong_to_completed_runs_and_have_a_place() -> None:
    for entry in RECORDING.evidence:
        assert entry.place
        assert entry.outcome.kind == "completed" or not entry.metrics
        assert all(m.place for m in entry.metrics.values())


def test_every_repaired_figure_carries_a_note() -> None:
    held = {"model": "llama-13b", "precision": "fp16", "engine": "accelerate", "input_tokens": 750}
    assert {key for key, m in METRICS.items() if (m.note or "").startswith("OCR: ")} == {
        (trained("bf16", 3), "train_loss"),
        (trained("fp16", 3), "recent_step_seconds"),
        (at(Generation, "p4d.24xlarge", tensor_parallel_degree=8, **held), "latency_seconds"),
        *((trained(*run), "global_batch_samples") for run in TRAINING),
    }


def test_every_entry_admits_that_its_date_is_inferred() -> None:
    assert all("the year is inferred" in (entry.note or "") for entry in RECORDING.evidence)


def test_the_failure_without_an_instance_says_so() -> None:
    (entry,) = (e for e in RECORDING.evidence if e.outcome.kind == "out_of_memory")
    assert "names only the family" in (entry.note or "")


# Arithmetic that a misread digit would break


@pytest.mark.parametrize(("precision", "stage"), TRAINING)
def test_rates_follow_from_the_runtime(precision: str, stage: int) -> None:
    entry = ENTRIES[trained(precision, stage)]
    runtime = entry.series("train_runtime_seconds")
    samples = Series.exact(entry.workload.stated()["samples"], unit="samples")
    per_second = combine(samples, runtime, lambda n, s: n / s, "samples/s")
    assert overlap(per_second, entry.series("train_samples_per_second"))
    steps = combine(entry.series("optimizer_steps"), runtime, lambda n, s: n / s, "steps/s")
    assert overlap(steps, entry.series("train_steps_per_second"))
    assert overlap(runtime, entry.series("elapsed_seconds"))


@pytest.mark.parametrize(("precision", "stage"), TRAINING)
def test_steps_follow_from_the_samples(precision: str, stage: int) -> None:
    entry = ENTRIES[trained(precision, stage)]
    names = ("samples", "ranks", "micro_batch", "gradient_accumulation")
    samples, ranks, micro_batch, accumulation = (int(getattr(entry.workload, name)) for name in names)
    batches = math.ceil(samples / (ranks * micro_batch))
    assert batches == 591
    assert ranks * micro_batch * accumulation == COUNTS["global_batch_samples"]
    assert batches // accumulation == COUNTS["optimizer_steps"]
    for steps, epoch in (("optimizer_steps", "last_epoch"), ("last_logged_step", "last_logged_epoch")):
        seen = entry.series(steps).values[0] * accumulation / batches
        assert overlap(Series.exact(seen, unit="epochs"), entry.series(epoch))


@pytest.mark.parametrize(("precision", "stage"), TRAINING)
def test_the_last_steps_took_as_long_as_the_others(precision: str, stage: int) -> None:
    entry = ENTRIES[trained(precision, stage)]
    whole = entry.series("recent_step_seconds").values[0] * COUNTS["optimizer_steps"]
    assert whole == pytest.approx(entry.series("train_runtime_seconds").values[0], rel=0.03)


def test_the_text_rounds_the_measured_latencies() -> None:
    rounded = [e for e in RECORDING.evidence if "latency_seconds_in_text" in e.metrics]
    assert len(rounded) == 4
    for entry in rounded:
        assert overlap(entry.series("latency_seconds"), entry.series("latency_seconds_in_text"))
