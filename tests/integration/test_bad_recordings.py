"""A recording that cannot be trusted is refused in words, and nothing is measured or overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .miniature import ACCEPTED, Miniature, assert_refused, recording

Json = dict[str, Any]
FILE = "fixtures/recordings/paper.json"

# What spoils the recording's text, and words of the message.
TEXTS: dict[str, tuple[Callable[[str], str], tuple[str, ...]]] = {
    "not-json": (lambda _: "latency: 5.1 s\n", ("not JSON", "at line 1 column 1")),
    "empty": (lambda _: "", ("not JSON", "line 1")),
    "truncated": (lambda text: text[:-200], ("cut short", "Restore the file from version control")),
    "two-documents": (lambda text: text + text, ("not JSON", "Extra data")),
    "a-list": (lambda text: f"[{text}]", ("a recording is a JSON object, this is a list",)),
    "a-number": (lambda _: "5.1", ("a recording is a JSON object, this is a float",)),
    "nan": (lambda text: text.replace("2.36", "NaN"), ("samples[0]: nan is not a measurement",)),
    "infinity": (lambda text: text.replace("2.36", "Infinity"), ("samples[0]: inf is not a measurement",)),
    "minus-infinity": (lambda text: text.replace("2.36", "-Infinity"), ("samples[0]: -inf is not a measurement",)),
    "too-large": (lambda text: text.replace("2.36", "1e999"), ("samples[0]: inf is not a measurement",)),
    "a-key-twice": (lambda text: text.replace('"name"', '"title"', 1), ("the key 'title' stands twice in one object",)),
    "many-digits": (lambda text: text.replace("2.36", "9" * 5000), ("integer",)),
}


def entry(whole: Json) -> Json:
    """The recording's first piece of evidence."""
    first: Json = whole["evidence"][0]
    return first


def latency(whole: Json) -> Json:
    """The metric of the first piece of evidence."""
    metric: Json = entry(whole)["metrics"]["latency_seconds"]
    return metric


def measured(whole: Json, **witness: Any) -> None:
    """Turn the first figure into a measurement, with a witness that matches but for ``witness``."""
    seen = {
        "model": "llama-7b",
        "engine": "deepspeed",
        "api": "generate",
        "tensor_parallel_degree": 1,
        "forward_dtypes": ["float16"],
        "input_tokens": [10],
        "new_tokens": [64],
    }
    entry(whole)["provenance"]["kind"] = "measured"
    entry(whole)["witness"] = {**seen, **witness}


# What spoils the recording's content, and words of the message.
CONTENTS: dict[str, tuple[Callable[[Json], Any], tuple[str, ...]]] = {
    "other-schema": (lambda r: r.update(schema_version=2), ("schema_version is 2", "reads 1", "Record it again")),
    "no-schema": (lambda r: r.pop("schema_version"), ("schema_version is None",)),
    "unknown-field": (lambda r: r.update(colour="red"), ("colour: Extra inputs are not permitted",)),
    "unknown-entry-field": (lambda r: entry(r).update(mood="good"), ("evidence[0].mood: Extra inputs",)),
    "unknown-workload": (
        lambda r: entry(r)["workload"].update(kind="dancing"),
        ("evidence[0].workload: Input tag 'dancing'", "'training', 'generation', 'loading'"),
    ),
    "no-workload": (lambda r: entry(r).pop("workload"), ("evidence[0].workload: Field required",)),
    "unknown-workload-field": (
        lambda r: entry(r)["workload"].update(beams=4),
        ("evidence[0].workload.generation.beams: Extra inputs are not permitted (given 4)",),
    ),
    "unknown-precision": (
        lambda r: entry(r)["workload"].update(precision="int4"),
        ("precision: Input should be 'fp32', 'bf16' or 'fp16' (given 'int4')",),
    ),
    "unknown-metric": (
        lambda r: entry(r)["metrics"].update(latency=latency(r)),
        ("evidence[0]: unknown metric 'latency'", "latency_seconds"),
    ),
    "missing-unit": (lambda r: latency(r).pop("unit"), ("evidence[0].metrics.latency_seconds.unit: Field required",)),
    "unknown-unit": (lambda r: latency(r).update(unit="ms"), ("metrics.latency_seconds.unit: Input should be 's'",)),
    "wrong-unit": (
        lambda r: latency(r).update(unit="s/step"),
        ("metric 'latency_seconds' is measured in 's', not 's/step'",),
    ),
    "negative-duration": (lambda r: latency(r).update(samples=[-2.36]), ("a duration must be positive, got -2.36 s",)),
    "zero-duration": (lambda r: latency(r).update(samples=[0]), ("a duration must be positive, got 0 s",)),
    "no-sample": (
        lambda r: latency(r).update(samples=[]),
        ("metrics.latency_seconds.samples: Tuple should have at least 1 item",),
    ),
    "text-for-a-number": (lambda r: latency(r).update(samples=["fast"]), ("samples[0]", "valid number", "'fast'")),
    "no-resolution": (lambda r: latency(r).pop("resolution"), ("a printed figure, and only a printed figure",)),
    "sampled-but-reported": (
        lambda r: (latency(r).update(spread="sampled"), latency(r).pop("resolution")),
        ("metric 'latency_seconds' cannot be sampled in evidence that was only reported",),
    ),
    "samples-without-rounds": (
        lambda r: (measured(r), latency(r).update(spread="sampled", samples=[2.3, 2.4]), latency(r).pop("resolution")),
        ("metric 'latency_seconds' has 2 samples for 1 rounds",),
    ),
    "failure-without-signature": (
        lambda r: entry(r).update(outcome={"kind": "failed"}),
        ("an outcome of 'failed' needs the signature of the failure",),
    ),
    "no-witness": (
        lambda r: entry(r)["provenance"].update(kind="measured"),
        ("the witness does not match the workload", "the run carries no witness"),
    ),
    "witness-of-other-tokens": (
        lambda r: measured(r, new_tokens=[63]),
        ("the witness does not match the workload", "new_tokens: asked (64,), the run saw (63,)"),
    ),
    "witness-of-another-dtype": (
        lambda r: measured(r, forward_dtypes=["float32"]),
        ("forward_dtypes: asked ('float16',), the run saw ('float32',)",),
    ),
    "witness-that-did-not-look": (lambda r: measured(r, model=None), ("model: asked 'llama-7b', the run saw None",)),
    "no-provenance": (lambda r: entry(r).pop("provenance"), ("evidence[0].provenance: Field required",)),
    "no-date": (lambda r: r.update(recorded="last summer"), ("recorded: Input should be a valid date",)),
    "no-evidence": (lambda r: r.update(evidence=[]), ("evidence: Tuple should have at least 1 item",)),
    "twice": (lambda r: r["evidence"].append(entry(r)), ("two entries for Generation(", "on g5.2xlarge")),
    "bad-name": (lambda r: r.update(name="My Run"), ("name: String should match pattern", "'My Run'")),
    "live-name": (
        lambda r: r.update(name="cpu"),
        ("named like a live source (cpu, gpu, sagemaker)", "change its `name`"),
    ),
}


def spoil(suite: Miniature, kind: str) -> tuple[str, ...]:
    """Spoil the suite's recording; return words of the message that this deserves."""
    if kind in TEXTS:
        change, words = TEXTS[kind]
        suite.write(FILE, change(json.dumps(recording())))
        return words
    spoiling, words = CONTENTS[kind]
    whole = recording()
    spoiling(whole)
    suite.write_recording(whole, FILE)
    return words


@pytest.mark.parametrize("kind", [*TEXTS, *CONTENTS])
def test_it_is_refused_and_nothing_is_overwritten(suite: Miniature, kind: str) -> None:
    words = spoil(suite, kind)
    before = (suite.path / FILE).read_bytes()
    suite.write("report/verdicts.json", "the report of last week")
    result = suite.run("-m", "cpu", "--snapshot-update", "--recording", FILE, "--record", "new.json")
    assert_refused(result, *words)
    assert kind == "live-name" or f"{suite.path / FILE}: " in result.stderr.str()
    assert (suite.path / FILE).read_bytes() == before
    assert (suite.path / "report/verdicts.json").read_text(encoding="utf-8") == "the report of last week"
    assert not (suite.path / "new.json").exists()
    assert suite.accepted() == ACCEPTED
    assert suite.program.log == []


@pytest.mark.parametrize("kind", ["truncated", "missing-unit", "live-name"])
def test_it_is_refused_in_the_folder_too(suite: Miniature, kind: str) -> None:
    words = spoil(suite, kind)
    assert_refused(suite.run("-m", "cpu"), *words)
    assert suite.program.log == []


def test_it_is_refused_under_xdist(suite: Miniature) -> None:
    words = spoil(suite, "other-schema")
    assert_refused(suite.run("-m", "cpu", "-n", "2"), *words)


def test_every_fault_is_told_at_once(suite: Miniature) -> None:
    whole = recording()
    latency(whole).pop("unit")
    entry(whole)["mood"] = "good"
    whole["colour"] = "red"
    suite.write_recording(whole)
    result = suite.run("--recording", FILE)
    assert_refused(result, "3 fault(s), mend each field", "colour: ", "evidence[0].mood: ", ".unit: Field required")


def test_text_that_is_not_unicode_is_refused(suite: Miniature) -> None:
    (suite.path / FILE).write_bytes(json.dumps(recording()).encode("utf-16"))
    assert_refused(suite.run("--recording", FILE), FILE, "codec can't decode")


def test_text_nested_too_deep_is_refused(suite: Miniature) -> None:
    suite.write(FILE, "[" * 200_000)
    assert_refused(suite.run("--recording", FILE), FILE)


def test_two_recordings_of_one_name_are_refused(suite: Miniature) -> None:
    suite.write_recording(recording(), "elsewhere/second.json")
    result = suite.run("--recording", FILE, "--recording", "elsewhere/second.json")
    assert_refused(result, FILE, "elsewhere/second.json are both named 'paper'", "change one's `name`")


def test_two_recordings_of_one_name_in_the_folder_are_refused(suite: Miniature) -> None:
    suite.write_recording(recording(), "fixtures/recordings/second.json")
    assert_refused(suite.run(), "paper.json", "second.json are both named 'paper'")


def test_the_same_file_twice_is_refused(suite: Miniature) -> None:
    assert_refused(suite.run("--recording", FILE, "--recording", FILE), "paper.json is given twice")


REGISTERS = {
    "missing": (None, ("the register of claims cannot be read", "No such file")),
    "not-toml": ("claims = [", ("the register of claims cannot be read",)),
    "no-claims": ('document = "x"\n[claims]\n', ("claims: ", "at least 1 item")),
    "unknown-field": ('document = "x"\n[claims.a]\nstatement = "A."\nmood = "good"\n', ("claims.a.mood: Extra",)),
    "unknown-basis": ('document = "x"\n[claims.a]\nstatement = "A."\nbasis = "felt"\n', ("claims.a.basis: ",)),
}


@pytest.mark.parametrize("kind", REGISTERS)
def test_a_register_that_cannot_be_read_is_refused(suite: Miniature, kind: str) -> None:
    text, words = REGISTERS[kind]
    path = suite.write("fixtures/claims.toml", text or "")
    if text is None:
        path.unlink()
    assert_refused(suite.run("--claim", "input-costs"), "claims.toml", *words)
