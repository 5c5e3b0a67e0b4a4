"""The machines that a run is spread over: one, unless whoever starts the program on each of several says so."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Cluster:
    """``nodes`` machines, this one's number among them, and the address of the first; each starts the same program.

    Every node is asked for the same runs. The ranks of the first one answer for all.
    """

    nodes: int = 1
    rank: int = 0
    master: str = "127.0.0.1"

    @classmethod
    def here(cls) -> Self:
        """Read LLM_CLAIMS_NODES, LLM_CLAIMS_NODE_RANK and LLM_CLAIMS_MASTER.

        Raises
        ------
        ValueError
            They do not describe a node of a cluster.
        """
        nodes = int(os.environ.get("LLM_CLAIMS_NODES", "1"))
        rank = int(os.environ.get("LLM_CLAIMS_NODE_RANK", "0"))
        master = os.environ.get("LLM_CLAIMS_MASTER", "127.0.0.1")
        if not 0 <= rank < nodes:
            raise ValueError(f"LLM_CLAIMS_NODE_RANK={rank} is none of LLM_CLAIMS_NODES={nodes}")
        return cls(nodes, rank, master)

    def ranks_here(self, ranks: int) -> range:
        """Return the numbers of a run's ranks that are this node's.

        Raises
        ------
        ValueError
            They do not divide.
        """
        if ranks % self.nodes:
            raise ValueError(f"{ranks} ranks cannot be shared evenly by {self.nodes} nodes")
        here = ranks // self.nodes
        return range(self.rank * here, (self.rank + 1) * here)
