"""A source that is not here: every case says why, and none is lost."""

from __future__ import annotations

import pytest

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.sources.base import Placed
from llm_claims.sources.unavailable import UnavailableSource
from llm_claims.workloads.training.workload import Training

SOURCE = UnavailableSource("gpu", "needs NVIDIA GPUs")


def test_it_has_a_column_of_its_own_may_be_absent_and_refuses_everything() -> None:
    assert (SOURCE.name, SOURCE.markers, SOURCE.measures_as, SOURCE.always_here) == (
        "gpu",
        ("gpu", "live"),
        "gpu",
        False,
    )
    with pytest.raises(Untestable, match="needs NVIDIA GPUs"):
        SOURCE.place(Training(), Setting("a"), "g5.2xlarge")
    with pytest.raises(Untestable, match="needs NVIDIA GPUs"):
        SOURCE.evidence(Placed(Training()))
