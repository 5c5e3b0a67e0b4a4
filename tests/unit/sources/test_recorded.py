"""A recording as a source: exact matches only, and never the nearest."""

from __future__ import annotations

from typing import Any

import pytest
from builders import printed_metric, recording, reported

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

DEFAULTS = {
    "generation": GenerationDefaults(
        fields=Generation(model="llama-7b", precision="bf16", input_tokens=10), instance="g5.2xlarge"
    )
}
FILLED = Generation(model="llama-7b", precision="bf16", input_tokens=10)


def entry(workload: Generation, instance: str | None, seconds: float) -> Evidence:
    return reported(workload, instance, latency_seconds=printed_metric("latency_seconds", seconds, 0.1))


ENTRIES = (
    entry(FILLED, "g5.2xlarge", 1.0),
    entry(FILLED, "p4d.24xlarge", 2.0),
    entry(FILLED.model_copy(update={"precision": "fp16"}), "g5.2xlarge", 3.0),
    entry(FILLED.model_copy(update={"prompts": 4}), "g5.2xlarge", 4.0),
    entry(FILLED.model_copy(update={"prompts": 4, "batch_size": 4}), "g5.2xlarge", 5.0),
)


def source() -> RecordedSource:
    return RecordedSource(recording(*ENTRIES, documented=True, defaults=DEFAULTS))


def own(*entries: Evidence, **fields: Any) -> RecordedSource:
    """A recording of a run on a machine that is no instance of a cloud."""
    return RecordedSource(recording(*(entries or (entry(FILLED, None, 6.0),)), measured_on="gpu", **fields))


def seconds(found: RecordedSource, placed: Placed) -> float:
    return found.evidence(placed).series("latency_seconds").values[0]


def test_a_recording_is_a_source_by_its_name_in_the_tier_of_every_machine() -> None:
    there = source()
    assert (there.name, there.markers, there.live, there.documented) == ("paper", ("cpu",), False, True)
    assert (there.measures_as, there.most_rounds, there.is_complete) == ("recording", 1, True)
    assert there.always_here


def test_a_recording_of_a_live_run_shares_the_limits_of_its_source() -> None:
    there = own(most_rounds=7, complete=False)
    assert (there.measures_as, there.most_rounds, there.is_complete) == ("gpu", 7, False)
    assert not there.documented
    assert own(*ENTRIES).documented, "instance types are what a document names"


@pytest.mark.parametrize(
    ("workload", "setting", "on", "found"),
    [
        (Generation(), None, None, 1.0),
        (Generation(), None, "p4d.24xlarge", 2.0),
        (Generation(), Setting("a", instance="p4d.24xlarge"), None, 2.0),
        (Generation(), Setting("a", instance="p4d.24xlarge"), "g5.2xlarge", 1.0),
        (Generation(), Setting("a", precision="fp16"), None, 3.0),
        (Generation(precision="bf16"), Setting("a", precision="fp16"), None, 1.0),
        (Generation(precision="fp16"), None, None, 3.0),
        (Generation(prompts=4), None, None, 4.0),
        (Generation(prompts=4, batch_size=4), None, None, 5.0),
        (Generation(), Setting("a", zero_stage=3), None, 1.0),
    ],
    ids=[
        "defaults",
        "demanded instance",
        "instance of the setting",
        "a demand beats the setting",
        "setting",
        "the workload beats the setting",
        "the workload beats the defaults",
        "prompts",
        "batch size",
        "fields of other kinds do not matter",
    ],
)
def test_the_entry_that_was_meant_is_found(
    workload: Generation, setting: Setting | None, on: str | None, found: float
) -> None:
    there = source()
    assert seconds(there, there.place(workload, setting, on)) == found


@pytest.mark.parametrize(
    ("workload", "on"),
    [
        (Generation(precision="fp32"), None),
        (Generation(input_tokens=11), None),
        (Generation(prompts=2), None),
        (Generation(batch_size=1), None),
        (Generation(), "g5.xlarge"),
        (Generation(precision="fp16"), "p4d.24xlarge"),
    ],
)
def test_the_nearest_entry_is_not_taken(workload: Generation, on: str | None) -> None:
    there = source()
    placed = there.place(workload, None, on)
    with pytest.raises(Untestable) as caught:
        there.evidence(placed)
    assert str(caught.value) == f"paper has no run of {placed.describe()}"


@pytest.mark.parametrize("workload", [Loading(), Training()], ids=lambda workload: workload.kind)
def test_a_kind_that_was_never_run_is_untestable(workload: Loading | Training) -> None:
    there = source()
    with pytest.raises(Untestable, match=f"paper has no {workload.kind} run"):
        there.place(workload, None, None)


def test_without_an_instance_of_its_own_a_run_has_no_place() -> None:
    there = RecordedSource(recording(*ENTRIES))
    assert there.place(Generation(), None, None) == Placed(Generation(), None)


def test_settings_are_told_apart_on_documented_hardware_alone() -> None:
    first, second = (Setting(name, "p4d.24xlarge", precision=name).under("fp16") for name in ("fp16", "bf16"))
    assert seconds(source(), source().place(Generation(), second, None)) == 2.0
    there = own(defaults={"generation": GenerationDefaults(fields=FILLED)})
    assert there.place(Generation(), first, None) == Placed(FILLED)
    with pytest.raises(Untestable, match=r"paper measures one setting of its own; .* in case \[fp16\]"):
        there.place(Generation(), second, None)


def test_a_model_of_ours_stands_for_the_documents_in_recordings_of_runs_alone() -> None:
    taught = Training(initial_weights="pretrained")
    for documented in (True, False):
        there = RecordedSource(recording(reported(taught), documented=documented))
        assert there.place(taught, None, None).stand_in is not documented


def test_a_recording_is_asked_for_what_stood_for_what_its_machine_had_not() -> None:
    defaults = {"generation": GenerationDefaults(fields=Generation(), device_memory_gib={"g5.xlarge": 24})}
    there = own(entry(Generation(), None, 1.0), defaults=defaults)
    placed = there.place(Generation(), None, "g5.xlarge")
    assert placed == Placed(Generation(device_memory_gib=24))
    assert "an analogue of g5.xlarge's memory" in placed.note


def test_every_entry_of_the_recording_can_be_found() -> None:
    there = source()
    found = [there.evidence(Placed(one.workload, one.instance_type)) for one in ENTRIES]
    assert found == list(ENTRIES)
