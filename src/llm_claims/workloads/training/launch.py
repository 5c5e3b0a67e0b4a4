"""Launching the ranks of a run: forks of a warm process, which has imported what a rank needs and has not used it.

A fork starts in milliseconds, with nothing of the runs before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from llm_claims.workloads.llm.ranks import Ranks, environments
from llm_claims.workloads.processes.fork import ForkChannel, Work
from llm_claims.workloads.training import link
from llm_claims.workloads.training.cluster import Cluster

_PORT = 29500  # where nobody else listens: in a network namespace of one's own, or on machines of one's own
# Machines of a cluster run the same, but not at the same moment: who is ahead must not meet the run before.
_cluster_ports = itertools.count(_PORT)
_JOIN_SECONDS = 20.0


def launch(work: Callable[[], str], ranks: int, link_mbit_per_second: float | None = None) -> list[str]:
    """Run ``work`` in ``ranks`` processes of one group, and return what each of this machine returned, by rank.

    With ``link_mbit_per_second`` the two ranks run in network namespaces of their own, joined by a link of this rate.

    Raises
    ------
    RankError
        A rank raised or died.
    ValueError
        A link between more or fewer than two ranks, or ranks that the machines of a cluster cannot share evenly.
    """
    if link_mbit_per_second is not None:
        return _linked(work, ranks, link_mbit_per_second)
    with _started(lambda channel: channel.send(work()), ranks) as group:
        return group.receive()


def _started(work: Work, ranks: int) -> Ranks:
    cluster = Cluster.here()
    if ranks == 1:
        return Ranks(work, [{}], captured=True)
    if cluster.nodes == 1:
        return Ranks.local(work, ranks, captured=True)
    group = environments(cluster.ranks_here(ranks), ranks, cluster.master, next(_cluster_ports))
    return Ranks(work, group, captured=True)


def _linked(work: Callable[[], str], ranks: int, rate: float) -> list[str]:
    """Run a rank in each of two namespaces, where it waits until the link stands."""
    if ranks != 2:
        raise ValueError(f"a link joins two ranks, not {ranks}")

    def linked(channel: ForkChannel) -> None:
        link.enter_namespace()
        channel.send("entered")
        channel.receive()
        channel.send(work())

    ends = [environments(range(rank, rank + 1), 2, link.ADDRESSES[0], _PORT, link.INTERFACE)[0] for rank in (0, 1)]
    with Ranks(linked, ends, captured=True) as group:
        group.receive(_JOIN_SECONDS)
        first, second = group.pids
        link.join(first, second, rate)
        group.send("joined")
        return group.receive()
