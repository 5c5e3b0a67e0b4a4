"""Transports: what is asked of NCCL, and what its log says that it took."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llm_claims.workloads.training import nccl

LINES = {
    "p2p": "host:7:9 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM\n",
    "shm": "host:7:9 [1] NCCL INFO Channel 01/0 : 1[1] -> 0[0] via SHM/direct/direct\n",
    "socket": "host:7:9 [0] NCCL INFO Channel 00/0 : 1[1] -> 0[0] [receive] via NET/Socket/0\n",
    "NET/Libfabric": "host:7:9 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [send] via NET/Libfabric/0/GDRDMA\n",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", dict(os.environ))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("asked", "disabled"),
    [("p2p", set()), ("shm", {"P2P"}), ("socket", {"P2P", "SHM"}), (None, set())],
)
def test_all_faster_transports_are_disabled_and_no_other(tmp_path: Path, asked: str | None, disabled: set[str]) -> None:
    os.environ.update(NCCL_P2P_DISABLE="1", NCCL_SHM_DISABLE="1")  # someone's, for another run
    nccl.request_transport(asked, tmp_path)
    assert {name for name in ("P2P", "SHM") if os.environ.get(f"NCCL_{name}_DISABLE") == "1"} == disabled
    assert os.environ["NCCL_DEBUG_FILE"].startswith(str(tmp_path))


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", list(LINES))
def test_what_nccl_took_is_seen(tmp_path: Path, name: str) -> None:
    nccl.request_transport("p2p", tmp_path)
    Path(os.environ["NCCL_DEBUG_FILE"]).write_text(f"host:7:9 [0] NCCL INFO Using network Socket\n{LINES[name]}")
    assert nccl.seen(tmp_path) == {name}


@pytest.mark.usefixtures("environment")
def test_several_are_all_told_and_none_is_none(tmp_path: Path) -> None:
    assert nccl.seen(tmp_path) == set()
    nccl.request_transport("p2p", tmp_path)
    Path(os.environ["NCCL_DEBUG_FILE"]).write_text(LINES["p2p"] + LINES["shm"])
    assert nccl.seen(tmp_path) == {"p2p", "shm"}


@pytest.mark.usefixtures("environment")
def test_what_all_ranks_of_a_machine_saw_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for process, line in enumerate(LINES.values()):
        (tmp_path / f"nccl-{process}.txt").write_text(line)
    nccl.print_logs(tmp_path)
    assert sorted(capfd.readouterr().err.splitlines()) == sorted(line.strip() for line in LINES.values())
