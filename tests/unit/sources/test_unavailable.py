"""A source that is not here: every case says why, and none is lost."""

from __future__ import annotations

import pytest

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.sources.base import Placed
from llm_claims.sources.unavailable import UnavailableSource
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training

SOURCE = UnavailableSource("gpu", "needs NVIDIA GPUs")


def test_it_has_a_column_of_its_own_and_may_be_absent() -> None:
    assert (SOURCE.name, SOURCE.kind, SOURCE.measures_as) == ("gpu", "gpu", "gpu")
    assert not SOURCE.always_here
    assert not SOURCE.documented


@pytest.mark.parametrize("workload", [Generation(), Training()], ids=lambda workload: workload.kind)
def test_it_refuses_everything_for_its_one_reason(workload: Generation | Training) -> None:
    with pytest.raises(Untestable, match="needs NVIDIA GPUs"):
        SOURCE.place(workload, Setting("a"), "g5.2xlarge")
    with pytest.raises(Untestable, match="needs NVIDIA GPUs"):
        SOURCE.evidence(Placed(workload))
