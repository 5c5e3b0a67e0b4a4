"""Launch the ranks of a run as forks of this process, which has imported what a rank needs and has not used it.

A fork starts in milliseconds, and inherits nothing from the runs before it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from llm_claims.workloads.llm.ranks import Ranks, environments
from llm_claims.workloads.processes.fork import ForkChannel, Work
from llm_claims.workloads.training import link
from llm_claims.workloads.training.cluster import Cluster

_PORT = 29500  # free in a new network namespace, and on the machines of a cluster that runs nothing else
# Each run has a new port: machines of a cluster may be a run apart, and must not join another run.
_cluster_ports = itertools.count(_PORT)
_JOIN_SECONDS = 20.0


def launch(work: Callable[[], str], ranks: int, link_mbit_per_second: float | None = None) -> list[str]:
    """Run ``work`` in ``ranks`` processes of one group, and return the results of those on this machine, by rank.

    With ``link_mbit_per_second`` two ranks run in separate network namespaces, connected by a link of this rate.

    Raises
    ------
    RankError
        A rank raised or died.
    ValueError
        A link is asked for and there are not two ranks, or ranks cannot be divided evenly among the cluster's nodes.
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
    """Run two ranks in separate network namespaces, after they are connected by a link of ``rate`` Mbit/s."""
    if ranks != 2:
        raise ValueError(f"a link connects two ranks, not {ranks}")

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
