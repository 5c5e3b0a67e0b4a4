"""Files: whole, or as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_claims.document.files import write_atomically


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a" / "b" / "file.json"


@pytest.mark.parametrize("new", [False, True])
def test_a_file_is_written_with_its_folders_for_all_to_read(path: Path, new: bool) -> None:
    write_atomically(path, "é\n", new=new)
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert os.listdir(path.parent) == ["file.json"]
    assert (path.stat().st_mode & 0o777, path.stat().st_nlink) == (0o644, 1)


def test_a_file_is_replaced_unless_it_must_be_new(path: Path) -> None:
    write_atomically(path, "a long first text")
    with pytest.raises(FileExistsError):
        write_atomically(path, "short", new=True)
    assert path.read_text() == "a long first text"
    write_atomically(path, "short")
    assert path.read_text() == "short"
    assert os.listdir(path.parent) == ["file.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=type)
@pytest.mark.parametrize("when", [(os, "fsync"), (Path, "replace")], ids=["fsync", "replace"])
def test_a_fault_leaves_the_old_file_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, when: tuple[object, str], error: BaseException
) -> None:
    write_atomically(path, "old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(*when, fail)
    with pytest.raises(type(error)):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["file.json"]


def test_the_text_is_on_the_disk_before_it_has_its_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    replace, fsync = Path.replace, os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (order.append(f"{os.fstat(handle).st_size} bytes"), fsync(handle))[1]
    )
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("named"), replace(self, to))[1])
    write_atomically(path, "new")
    assert order == ["3 bytes", "named"]
