"""Launching ranks: forks of a warm process, under torch.distributed.run's elastic agent where there are several.

Whoever calls has imported what a rank needs and has not used it: a fork then starts in milliseconds,
with nothing of the runs before it. Every process started here dies with the one that started it.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from llm_claims.workloads.training import link
from llm_claims.workloads.training.cluster import Cluster
from llm_claims.workloads.training.node import Node, NodeGone, words_of
from llm_claims.workloads.training.rank import RankError, Reports, Work, alone, one_of_several

_LINK_PORT = 29500  # within a namespace of its own, where nobody else listens
_JOIN_SECONDS = 20.0
# Nodes of a job start within minutes of each other.
_CLUSTER_SECONDS = 600
_LOOK_SECONDS = 0.05


def launch(work: Work, ranks: int, scratch: Path, link_mbit_per_second: float | None = None) -> list[str]:
    """Run ``work`` in ``ranks`` processes of one group and return what each returned, shape (ranks,).

    With ``link_mbit_per_second`` the two ranks run in network namespaces of their own, joined by a
    link of this rate. What ranks write goes to files in ``scratch``.

    Raises
    ------
    RankError
        A rank raised, died or could not be started.
    ValueError
        A link between more or fewer than two ranks.
    """
    try:
        if link_mbit_per_second is not None:
            return _linked(work, ranks, scratch, link_mbit_per_second)
        with Node(lambda _: _group(work, ranks, scratch)) as node:
            return node.result()
    except NodeGone as gone:
        if ranks == 1:
            raise RankError.of(0, str(gone), scratch) from None
        raise RankError(f"the process that watches over the ranks {gone}") from None


def _linked(work: Work, ranks: int, scratch: Path, rate: float) -> list[str]:
    """Two nodes with a rank each; a node waits in its namespace until the link stands."""
    if ranks != 2:
        raise ValueError(f"a link joins two ranks, not {ranks}")

    def linked(line: Connection, rank: int) -> list[str]:
        link.enter_namespace()
        line.send("entered")
        line.recv()
        return _group(work, ranks, scratch, linked_as=rank)

    with ExitStack() as stack:
        nodes = [stack.enter_context(Node(lambda line, rank=rank: linked(line, rank))) for rank in (0, 1)]  # type: ignore[misc]
        for node in nodes:
            node.expect("entered", _JOIN_SECONDS)
        link.join(nodes[0].pid, nodes[1].pid, rate)
        for node in nodes:
            node.tell("joined")
        # The first to fail tells why; the other only misses its peer.
        results: dict[int, list[str]] = {}
        while len(results) < len(nodes):
            waiting = {node.connection: number for number, node in enumerate(nodes) if number not in results}
            results |= {number: nodes[number].result() for number in map(waiting.__getitem__, wait(list(waiting)))}  # type: ignore[arg-type]
        return [*results[0], *results[1]]


def _group(work: Work, ranks: int, scratch: Path, linked_as: int | None = None) -> list[str]:
    """Run the ranks of this node: one alone in this process, several under the elastic agent."""
    if ranks == 1:
        return [alone(work, scratch)]
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    if Cluster.here().nodes == 1:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo" if linked_as is None else link.INTERFACE
    reports = Reports()
    agent = elastic_launch(LaunchConfig(**_configuration(ranks, scratch, linked_as)), one_of_several)
    try:
        found = agent(work, scratch, reports, os.getpid())
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = reports.heard().get(rank) or words_of(failure.exitcode)
        raise RankError.of(rank, how, scratch) from None
    return [found[local] for local in sorted(found)]


def _configuration(ranks: int, scratch: Path, linked_as: int | None) -> dict[str, Any]:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs

    common = {
        "run_id": "llm-claims",
        "max_restarts": 0,
        "monitor_interval": _LOOK_SECONDS,
        "start_method": "fork",
        "logs_specs": DefaultLogsSpecs(log_dir=str(scratch)),
    }
    cluster = Cluster.here()
    if cluster.nodes > 1:
        return {
            **common,
            "min_nodes": cluster.nodes,
            "max_nodes": cluster.nodes,
            "nproc_per_node": cluster.ranks_here(ranks),
            "rdzv_backend": "static",
            "rdzv_endpoint": f"{cluster.master}:{_LINK_PORT}",
            "rdzv_configs": {"rank": cluster.rank, "timeout": _CLUSTER_SECONDS},
        }
    if linked_as is None:
        here = {"rdzv_backend": "c10d", "rdzv_endpoint": "127.0.0.1:0", "local_addr": "127.0.0.1"}
        return {**common, **here, "min_nodes": 1, "max_nodes": 1, "nproc_per_node": ranks}
    return {
        **common,
        "min_nodes": 2,
        "max_nodes": 2,
        "nproc_per_node": 1,
        "rdzv_backend": "static",
        "rdzv_endpoint": f"{link.ADDRESSES[0]}:{_LINK_PORT}",
        "rdzv_configs": {"rank": linked_as, "timeout": 60},
        "local_addr": link.ADDRESSES[0],
    }
