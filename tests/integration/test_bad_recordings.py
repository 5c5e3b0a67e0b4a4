"""A recording, or a register, that cannot be trusted is refused in words, and nothing is measured or overwritten.

What the words are for each fault of a recording: see tests/unit/evidence/test_recordings.py.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .miniature import ACCEPTED, ALSO_WITH_WORKERS, Miniature, assert_refused, recording

FILE = "fixtures/recordings/paper.json"


def text_of(spoil: Callable[[dict[str, Any]], Any] = lambda _: None) -> str:
    whole = recording()
    spoil(whole)
    return json.dumps(whole)


def two_faults(whole: dict[str, Any]) -> None:
    del whole["evidence"][0]["metrics"]["latency_seconds"]["unit"]
    whole["colour"] = "red"


# The recording's text, and words of the message.
SPOILED: dict[str, tuple[str, tuple[str, ...]]] = {
    "truncated": (text_of()[:-200], ("cut short", "Restore the file from version control")),
    "not-a-number": (text_of().replace("2.36", "NaN"), ("samples[0]: nan is not a measurement",)),
    "many-digits": (text_of().replace("2.36", "9" * 5000), ("integer",)),
    "nested-too-deep": ("[" * 200_000, ()),
    "other-schema": (
        text_of(lambda whole: whole.update(schema_version=3)),
        ("schema_version is 3", "reads 1 and 2", "Record it again"),
    ),
    "two-faults": (
        text_of(two_faults),
        (
            "2 faults, mend each",
            "colour: there is no such field",
            "evidence[0].metrics.latency_seconds.unit: is missing",
        ),
    ),
    "unknown-kind": (
        text_of(lambda whole: whole["evidence"][0]["workload"].update(kind="dancing")),
        ("evidence[0].workload: ", "unknown kind of workload 'dancing': did you mean 'training'?"),
    ),
}


@pytest.mark.parametrize("kind", SPOILED)
def test_it_is_refused_and_nothing_is_overwritten(suite: Miniature, kind: str) -> None:
    text, words = SPOILED[kind]
    path = suite.write(FILE, text)
    report = suite.write("report/verdicts.json", "the report of last week")
    result = suite.run("-m", "cpu", "--snapshot-update", "--recording", FILE, "--record", "new.json")
    assert_refused(result, f"{path}: ", *words)
    assert path.read_text(encoding="utf-8") == text
    assert report.read_text(encoding="utf-8") == "the report of last week"
    assert not (suite.path / "new.json").exists()
    assert suite.accepted() == ACCEPTED
    assert suite.program.log == []


@ALSO_WITH_WORKERS
def test_it_is_refused_in_the_folder_too(suite: Miniature, workers: tuple[str, ...]) -> None:
    suite.write(FILE, SPOILED["truncated"][0])
    assert_refused(suite.run("-m", "cpu", *workers), "cut short")
    assert suite.program.log == []


@pytest.mark.parametrize(
    ("name", "path", "arguments", "words"),
    [
        ("paper", "elsewhere/second.json", ("--recording", FILE), "both named 'paper': change one's `name`"),
        ("paper", "fixtures/recordings/second.json", None, "both named 'paper': change one's `name`"),
        ("other", FILE, ("--recording", FILE), "paper.json is given twice"),
        ("cpu", FILE, None, "two sources are named 'cpu': change one's name (a recording's is `name`)"),
    ],
    ids=["given", "in-the-folder", "same-file", "a-live-source"],
)
def test_a_name_is_taken_once(
    suite: Miniature, name: str, path: str, arguments: tuple[str, ...] | None, words: str
) -> None:
    suite.write_recording(recording(name), path)
    assert_refused(suite.run(*((arguments and (*arguments, "--recording", path)) or ())), words)


REGISTERS = {
    "missing": (None, ("the register of claims cannot be read", "No such file")),
    "not-toml": ("claims = [", ("the register of claims cannot be read",)),
    "unknown-field": (
        'document = "x"\n[claims.a]\nstatement = "A."\nmood = "good"\n',
        ("claims.a.mood: there is no such field (line 4)",),
    ),
}


@pytest.mark.parametrize("kind", REGISTERS)
def test_a_register_that_cannot_be_read_is_refused(suite: Miniature, kind: str) -> None:
    text, words = REGISTERS[kind]
    path = suite.write("fixtures/claims.toml", text or "")
    if text is None:
        path.unlink()
    assert_refused(suite.run("--claim", "input-costs"), "claims.toml", *words)
