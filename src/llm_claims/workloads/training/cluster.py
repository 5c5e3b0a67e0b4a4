"""The machines that a run is spread over: one, unless environment variables describe a cluster."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Cluster:
    """A cluster of ``nodes`` machines, each of which runs the same program and receives the same requests.

    ``rank`` is the number of this machine, ``master`` the address of the first, whose answers are used.
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
            raise ValueError(f"LLM_CLAIMS_NODE_RANK={rank} is not between 0 and LLM_CLAIMS_NODES={nodes}, exclusive")
        return cls(nodes, rank, master)

    def ranks_here(self, ranks: int) -> range:
        """Return which of a run's ``ranks`` are on this node.

        Raises
        ------
        ValueError
            They cannot be divided evenly among the nodes.
        """
        if ranks % self.nodes:
            raise ValueError(f"{ranks} ranks cannot be divided evenly among {self.nodes} nodes")
        here = ranks // self.nodes
        return range(self.rank * here, (self.rank + 1) * here)
