"""Launching ranks: forks of a warm process, under torch.distributed.run's elastic agent where there are several.

Whoever calls has imported what a rank needs and has not used it: a fork then starts in milliseconds,
with nothing of the runs before it. Every process started here dies with the one that started it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from llm_claims.programs import link
from llm_claims.programs.lifeline import die_with_parent

Work = Callable[[], str]

_FORK = get_context("fork")
_LINK_PORT = 29500  # within a namespace of its own, where nobody else listens
_JOIN_SECONDS = 20.0
_LAST_LINES = 10


class RankError(RuntimeError):
    """A rank failed; the text says which, how, and shows the last lines that it wrote."""


def launch(work: Work, ranks: int, scratch: Path, link_mbit_per_second: float | None = None) -> list[str]:
    """Run ``work`` in ``ranks`` processes of one group and return what each returned, shape (ranks,).

    With ``link_mbit_per_second`` the two ranks run in network namespaces of their own, joined by a
    link of this rate.

    Raises
    ------
    RankError
        A rank raised, died or could not be started.
    ValueError
        A link between more or fewer than two ranks.
    """
    if link_mbit_per_second is None:
        return _Node(lambda: _group(work, ranks, scratch, "localhost:0")).result()
    if ranks != 2:
        raise ValueError(f"a link joins two ranks, not {ranks}")
    return _launch_linked(work, scratch, link_mbit_per_second)


def _launch_linked(work: Work, scratch: Path, rate: float) -> list[str]:
    """Two nodes with a rank each; a node waits in its namespace until the link stands."""
    endpoint = f"{link.ADDRESSES[0]}:{_LINK_PORT}"
    nodes = [_Node(lambda rank=rank: _linked(work, scratch, endpoint, rank)) for rank in (0, 1)]  # type: ignore[misc]
    try:
        for node in nodes:
            node.await_word("entered")
        link.join(nodes[0].pid, nodes[1].pid, rate)
        for node in nodes:
            node.tell("joined")
        # The first to fail tells why; the other only misses its peer.
        results: dict[int, list[str]] = {}
        while len(results) < len(nodes):
            waiting = [node for number, node in enumerate(nodes) if number not in results]
            ended = wait([node.connection for node in waiting])
            results |= {nodes.index(node): node.result() for node in waiting if node.connection in ended}
        return [*results[0], *results[1]]
    finally:
        for node in nodes:
            node.kill()


def _linked(work: Work, scratch: Path, endpoint: str, rank: int) -> list[str]:
    link.enter_namespace()
    _Node.here.send("entered")
    if not _Node.here.poll(_JOIN_SECONDS) or _Node.here.recv() != "joined":
        raise RankError("the link between the ranks did not come up")
    os.environ["GLOO_SOCKET_IFNAME"] = link.INTERFACE
    return _group(work, 2, scratch, endpoint, node_rank=rank)


class _Node:
    """One forked process that runs a group of ranks, and its end of a pipe to it."""

    here: Connection

    def __init__(self, function: Callable[[], list[str]]) -> None:
        self.connection, theirs = _FORK.Pipe()
        self._process: BaseProcess = _FORK.Process(target=_Node._main, args=(function, theirs), daemon=False)
        self._process.start()
        theirs.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @staticmethod
    def _main(function: Callable[[], list[str]], connection: Connection) -> None:
        die_with_parent()
        _Node.here = connection
        try:
            connection.send(("returned", function()))
        except BaseException as error:
            connection.send(
                ("raised", f"{error}" if isinstance(error, RankError) else f"{type(error).__name__}: {error}")
            )
        connection.close()
        sys.stdout.flush()
        os._exit(0)

    def await_word(self, word: str) -> None:
        """Wait until the process says ``word``."""
        heard = self._heard(_JOIN_SECONDS)
        if heard != word:
            raise RankError(f"a node said {heard!r} instead of {word!r}")

    def tell(self, word: str) -> None:
        """Say ``word`` to the process."""
        self.connection.send(word)

    def result(self) -> list[str]:
        """Wait for what the ranks returned."""
        kind, value = self._heard(None)
        self.kill()
        if kind == "raised":
            raise RankError(str(value))
        return list(value)

    def _heard(self, seconds: float | None) -> Any:
        if not self.connection.poll(seconds):
            raise RankError("a node did not answer in time")
        try:
            return self.connection.recv()
        except EOFError:
            self._process.join()
            raise RankError(f"a node died with exit code {self._process.exitcode}") from None

    def kill(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()


def _group(work: Work, ranks: int, scratch: Path, endpoint: str, node_rank: int | None = None) -> list[str]:
    """Run the ranks of this node: one alone in this process, several under the elastic agent."""
    if ranks == 1:
        return [_rank(work, scratch)]
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    nodes = 1 if node_rank is None else 2
    config = LaunchConfig(
        min_nodes=nodes,
        max_nodes=nodes,
        nproc_per_node=ranks // nodes,
        rdzv_backend="c10d" if node_rank is None else "static",
        rdzv_endpoint=endpoint,
        rdzv_configs={} if node_rank is None else {"rank": node_rank, "timeout": 60},
        run_id="llm-claims",
        local_addr=endpoint.partition(":")[0],
        max_restarts=0,
        monitor_interval=0.05,
        start_method="fork",
        logs_specs=DefaultLogsSpecs(log_dir=str(scratch)),
    )
    if node_rank is None:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    try:
        found = elastic_launch(config, _rank)(work, scratch)
    except ChildFailedError as error:
        raise RankError(_told(error, scratch)) from None
    return [found[local] for local in sorted(found)]


def _rank(work: Work, scratch: Path) -> str:
    """Be one rank: what it writes goes to a file of its own, so that its last lines can be shown."""
    die_with_parent()
    rank = os.environ.get("RANK", "0")
    file = os.open(scratch / f"rank{rank}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    try:
        return work()
    except BaseException as error:
        traceback.print_exc()
        sys.stderr.flush()
        if "RANK" in os.environ:
            raise
        raise RankError(f"rank 0: {type(error).__name__}: {error}{_last_lines(scratch, 0)}") from None


def _told(error: Exception, scratch: Path) -> str:
    rank, failure = error.get_first_failure()  # type: ignore[attr-defined]
    how = f"died by {failure.signal_name()}" if failure.exitcode < 0 else f"ended with exit code {failure.exitcode}"
    return f"rank {rank} {how}{_last_lines(scratch, rank)}"


def _last_lines(scratch: Path, rank: int) -> str:
    try:
        text = (scratch / f"rank{rank}.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line for line in text.splitlines() if line.strip()][-_LAST_LINES:]
    return "".join(["; its last lines:", *(f"\n    {line}" for line in lines)]) if lines else ""
