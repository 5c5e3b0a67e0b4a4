"""Files: whole, or as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_claims.document.files import write_atomically


def test_a_file_is_written_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file.json"
    write_atomically(path, "é\n")
    assert path.read_bytes() == b"\xc3\xa9\n"
    assert os.listdir(path.parent) == ["file.json"]


def test_a_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, "a long first text")
    write_atomically(path, "short")
    assert path.read_text() == "short"
    assert os.listdir(tmp_path) == ["file.json"]


def test_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, "")
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_new_file_never_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_text("precious")
    with pytest.raises(FileExistsError):
        write_atomically(path, "new", new=True)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["file.json"]


def test_a_new_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_atomically(path, "new", new=True)
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file.json"]
    assert path.stat().st_nlink == 1


@pytest.mark.parametrize("when", ["fsync", "replace"])
def test_a_fault_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    path = tmp_path / "file.json"
    path.write_text("old")

    def full(*_: object) -> None:
        assert path.read_text() == "old", "the old file stands until the new one is whole"
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*{"fsync": (os, "fsync", full), "replace": (Path, "replace", full)}[when])
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.json"]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file.json", "new")
    assert os.listdir(tmp_path) == []


def test_the_text_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    replace, fsync = Path.replace, os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda handle: (order.append(f"{os.fstat(handle).st_size} bytes"), fsync(handle))[1]
    )
    monkeypatch.setattr(Path, "replace", lambda self, to: (order.append("named"), replace(self, to))[1])
    write_atomically(tmp_path / "file.json", "new")
    assert order == ["3 bytes", "named"]
