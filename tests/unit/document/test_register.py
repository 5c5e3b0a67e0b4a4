"""The register: every claim once, found by its permanent id."""

from __future__ import annotations

from pathlib import Path

import pytest

from llm_claims.document.register import Claim, read_register
from llm_claims.errors import RecordingError, UsageError

TEXT = """
document = "A write-up"

[claims.train-zero1]
statement = "ZeRO stage 1 is faster."
untestable = { cpu = "no GPUs here" }

[claims.serve-batch]
statement = "A batch pays."
basis = "implied"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "claims.toml"
    found.write_text(TEXT)
    return found


def test_a_register_is_read_in_order(path: Path) -> None:
    register = read_register(path)
    assert register.document == "A write-up"
    assert list(register.claims) == ["train-zero1", "serve-batch"]
    assert register["train-zero1"] == Claim(
        statement="ZeRO stage 1 is faster.", basis="stated", untestable={"cpu": "no GPUs here"}
    )
    assert register["serve-batch"].basis == "implied"
    assert register["serve-batch"].untestable == {}


@pytest.mark.parametrize(
    ("id", "text"),
    [
        ("train-zero", "unknown claim id 'train-zero': did you mean train-zero1?"),
        ("something-else-entirely", "unknown claim id 'something-else-entirely'"),
        ("", "unknown claim id ''"),
    ],
)
def test_an_unknown_id_is_an_error_that_proposes_near_ones(path: Path, id: str, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_register(path)[id]
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ('document = "A write-up"', "document = ", "cannot be read"),
        ("[claims.serve-batch]", "[claims.train-zero1]", "cannot be read"),
        ('basis = "implied"', 'basis = "guessed"', "claims.serve-batch.basis: "),
        ('statement = "A batch pays."', "", "claims.serve-batch.statement: is missing"),
        ('statement = "A batch pays."', "statement = 5", "claims.serve-batch.statement: "),
        ('statement = "A batch pays."', 'statement = "A batch pays."\nwhen = 2023-05-15', "claims.serve-batch.when: "),
        ('cpu = "no GPUs here"', "cpu = 1", "claims.train-zero1.untestable.cpu: "),
        ('document = "A write-up"', "", "document: is missing"),
    ],
)
def test_a_spoiled_register_names_file_and_field(path: Path, before: str, after: str, text: str) -> None:
    assert before in TEXT
    path.write_text(TEXT.replace(before, after))
    with pytest.raises(RecordingError) as caught:
        read_register(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert text in str(caught.value)


@pytest.mark.parametrize(("content", "text"), [(None, "No such file"), (b"\xff\xfe", "can't decode")])
def test_a_register_that_cannot_be_read(path: Path, content: bytes | None, text: str) -> None:
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(RecordingError, match=f"cannot be read: .*{text}.*name it with --rootdir"):
        read_register(path)
