"""A cluster: this machine's place among those that share a run."""

from __future__ import annotations

import pytest

from llm_claims.workloads.training.cluster import Cluster


def as_node(patch: pytest.MonkeyPatch, nodes: str, rank: str) -> None:
    patch.setenv("LLM_CLAIMS_NODES", nodes)
    patch.setenv("LLM_CLAIMS_NODE_RANK", rank)
    patch.setenv("LLM_CLAIMS_MASTER", "algo-1")


def test_alone_is_the_rule() -> None:
    assert Cluster.here() == Cluster(1, 0, "127.0.0.1")
    assert Cluster.here().ranks_here(2) == range(2)


def test_each_node_has_its_share_of_the_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    as_node(monkeypatch, "2", "1")
    assert Cluster.here() == Cluster(2, 1, "algo-1")
    assert Cluster.here().ranks_here(16) == range(8, 16)


def test_ranks_that_do_not_divide_and_nodes_out_of_place_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    as_node(monkeypatch, "2", "0")
    with pytest.raises(ValueError, match="3 ranks cannot be divided evenly among 2 nodes"):
        Cluster.here().ranks_here(3)
    as_node(monkeypatch, "2", "2")
    with pytest.raises(ValueError, match="LLM_CLAIMS_NODE_RANK=2 is not between 0 and LLM_CLAIMS_NODES=2"):
        Cluster.here()
