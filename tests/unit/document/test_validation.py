"""Reading files: whatever is wrong, the text names the file, the field, and the fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt

from llm_claims.document.validation import read_json, validated
from llm_claims.errors import RecordingError


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    seconds: tuple[FiniteFloat, ...]
    n: PositiveInt = 1


class Whole(BaseModel):
    name: str
    parts: dict[str, Part] = {}


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "file.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def fault(path: Path) -> str:
    with pytest.raises(RecordingError) as caught:
        validated(Whole, read_json(path), path)
    text = str(caught.value)
    assert text.startswith(f"{path}: "), "every fault begins with the file"
    return text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1 column 1"),
        ("seconds: 5", "line 1 column 1"),
        ('{\n "name": "a",\n "parts"', "line 3 column 9"),
        ('{"name": "a",}', "line 1 column 1"),
        ('{"name": "a"} {"name": "b"}', "line 1 column 15"),
        ("{'name': 'a'}", "line 1 column 2"),
    ],
    ids=["empty", "not json", "truncated", "trailing comma", "two documents", "python"],
)
def test_what_is_not_json(tmp_path: Path, text: str, where: str) -> None:
    found = fault(written(tmp_path, text))
    assert f"not JSON, or cut short, at {where}" in found
    assert "Restore the file from version control" in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"name": "\xff\xfe"}', "utf-8"),
        ("[" * 100_000, "recursion"),
        ('{"name": "a", "parts": {"n": 2, "m": 1, "n": 9}}', "the key 'n' stands twice in one object"),
    ],
    ids=["no text", "too deep", "a key twice"],
)
def test_what_json_cannot_be_trusted(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert said in fault(written(tmp_path, text))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "No such file" in fault(tmp_path / "missing.json")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_a_number_that_is_none_is_found_by_its_field(tmp_path: Path, number: str) -> None:
    text = '{"name": "a", "parts": {"a": {"seconds": [1, %s]}, "b": {"seconds": [%s]}}}' % (number, number)  # noqa: UP031
    found = fault(written(tmp_path, text))
    assert "\n  parts.a.seconds[1]: " in found
    assert "\n  parts.b.seconds[0]: " in found
    assert "is not a measurement" in found


@pytest.mark.parametrize(
    ("data", "where", "what"),
    [
        ({}, "name", "is missing"),
        ({"name": 5}, "name", "valid string (given 5)"),
        ({"name": "a", "parts": {"b": {}}}, "parts.b.seconds", "is missing"),
        ({"name": "a", "parts": {"b": {"seconds": [1, "2"]}}}, "parts.b.seconds[1]", "valid number (given '2')"),
        ({"name": "a", "parts": {"b": {"seconds": [True]}}}, "parts.b.seconds[0]", "valid number (given True)"),
        ({"name": "a", "parts": {"b": {"seconds": [1], "n": 0}}}, "parts.b.n", "greater than 0 (given 0)"),
        ({"name": "a", "parts": {"b": {"seconds": [1], "n": "3"}}}, "parts.b.n", "valid integer (given '3')"),
        ({"name": "a", "parts": {"b": {"seconds": [1], "m": 1}}}, "parts.b.m", "there is no such field (line 1)"),
        ([], "the file", "object"),
        ("a", "the file", "object"),
        (None, "the file", "object"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, data: Any, where: str, what: str) -> None:
    found = fault(written(tmp_path, json.dumps(data)))
    assert f"\n  {where}: " in found
    assert what in found


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    found = fault(written(tmp_path, '{"parts": {"a": {}, "b": {"seconds": [1], "n": -1}}}'))
    assert "3 faults, mend each" in found
    assert [line.split(":")[0].strip() for line in found.splitlines()[1:]] == ["name", "parts.a.seconds", "parts.b.n"]


def test_a_long_value_is_shown_in_part_and_a_structure_not_at_all(tmp_path: Path) -> None:
    data = {"name": ["secret"], "parts": {"b": {"seconds": [1], "n": "9" * 100_000}}}
    found = fault(written(tmp_path, json.dumps(data)))
    assert "secret" not in found
    assert "…" in found
    assert len(found) < 500 + len(str(tmp_path))
