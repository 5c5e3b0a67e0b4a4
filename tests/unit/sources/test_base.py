"""Every source: what is placed, what one need not write, and what settings hold for it."""

from __future__ import annotations

import pytest
from builders import reported

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable, UsageError
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.base import Placed, Source, refuse_secondary, within_setting
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading

ONE, OTHER = (Setting(name, "ml.g5.xlarge", model=name, zero_stage=3).under("7b") for name in ("7b", "13b"))


class Least(Source):
    """No more than a source has to be."""

    name = "mine"

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        return Placed(workload, on)

    def evidence(self, placed: Placed) -> Evidence:
        return reported(placed.workload, placed.instance)


def test_a_source_of_two_methods_is_a_column_that_measures_nothing_and_is_complete() -> None:
    mine = Least()
    (placed,) = (mine.place(Generation(), None, None),)
    mine.expect([])
    mine.draw([placed], 3, timed=True)
    mine.close()
    assert mine.has_time_for([placed], 4, [placed])
    assert (mine.measures_as, mine.live, mine.documented, mine.emulated) == ("mine", False, False, False)
    assert (mine.entries(), mine.defaults(), mine.devices(), mine.is_complete) == ([], {}, None, True)
    assert list(mine.remarks()) == []
    assert mine.times() is None


def test_what_is_placed_is_named_by_workload_and_place_and_told_as_it_was_asked() -> None:
    workload = Generation(new_tokens=1)
    assert Placed(workload).key == workload.digest
    there = Placed(workload, "g5.2xlarge", note="an analogue", asked=Generation())
    assert there.key == f"{workload.digest}-g5.2xlarge"
    assert there.describe() == "Generation() on g5.2xlarge"
    assert there == Placed(workload, "g5.2xlarge"), "notes are for people"


def test_a_setting_holds_the_fields_that_a_kind_has_and_where_it_runs() -> None:
    assert within_setting(Generation(), None, "g5.2xlarge") == (Generation(), "g5.2xlarge")
    assert within_setting(Generation(prompts=2), OTHER, None) == (Generation(model="13b", prompts=2), "g5.xlarge")
    assert within_setting(Loading(model="7b"), OTHER, "g4dn.xlarge") == (Loading(model="7b"), "g4dn.xlarge")
    with pytest.raises(UsageError, match="setting 'a' holds 'modle', which no kind of workload has"):
        within_setting(Generation(), Setting("a", modle="7b"), None)


def test_who_cannot_tell_settings_apart_measures_the_primary_one() -> None:
    refuse_secondary(None, "the CPU")
    refuse_secondary(ONE, "the CPU")
    with pytest.raises(Untestable, match=r"the CPU measures one setting of its own; it stands .* in case \[7b\]"):
        refuse_secondary(OTHER, "the CPU")
