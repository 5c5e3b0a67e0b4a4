"""Opened files are seen, whoever opens them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from llm_claims.workloads.loading.opened_files import OpenedFiles

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")


def test_names_are_those_of_the_files_that_were_opened(tmp_path: Path) -> None:
    for name in ("a.bin", "b.bin", "c.bin"):
        (tmp_path / name).write_text("x")
    with OpenedFiles(tmp_path) as opened:
        assert opened.names == frozenset()
        (tmp_path / "a.bin").read_text()
        os.listdir(tmp_path)
        os.stat(tmp_path / "c.bin")
        assert opened.names == {"a.bin"}
        subprocess.run(["cat", tmp_path / "b.bin"], check=True, stdout=subprocess.DEVNULL)
        assert opened.names == {"a.bin", "b.bin"}


def test_many_openings_are_all_seen(tmp_path: Path) -> None:
    names = {f"{number:04}-{'x' * 200}" for number in range(500)}
    for name in names:
        (tmp_path / name).touch()
    with OpenedFiles(tmp_path) as opened:
        for name in names:
            (tmp_path / name).read_bytes()
        assert opened.names == names


def test_a_folder_that_is_not_there_cannot_be_watched(tmp_path: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with pytest.raises(OSError, match="No such file"):
        OpenedFiles(tmp_path / "none")
    assert len(os.listdir("/proc/self/fd")) == descriptors
