"""A recording as a source: exact matches only, and never the nearest."""

from __future__ import annotations

import pytest
from builders import printed_metric, recording, reported

from llm_claims.document.setting import Setting, settings
from llm_claims.errors import Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Reference
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.workload import Training

REFERENCE = Reference(
    generation=Generation(model="llama-7b", precision="bf16", input_tokens=10),
    loading=Loading(model="llama-7b"),
    generation_instance="g5.2xlarge",
)
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


def source(documented: bool = True) -> RecordedSource:
    return RecordedSource(recording(*ENTRIES, documented=documented, reference=REFERENCE))


def seconds(found: RecordedSource, placed: Placed) -> float:
    return found.evidence(placed).series("latency_seconds").values[0]


def test_a_recording_is_a_source_by_its_name() -> None:
    assert (source().name, source().kind, source().documented) == ("paper", "recording", True)
    assert source(documented=False).documented is False
    assert source().always_here
    assert not hasattr(source(), "draw"), "what could draw would be taken for live"


def test_a_recording_of_a_live_run_shares_the_limits_of_its_source() -> None:
    assert source().measures_as == "recording"
    assert RecordedSource(recording(*ENTRIES, measured_on="cpu")).measures_as == "cpu"


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
        "reference",
        "demanded instance",
        "instance of the setting",
        "a demand beats the setting",
        "setting",
        "the workload beats the setting",
        "the workload beats the reference",
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


def test_without_a_reference_instance_a_run_has_no_place() -> None:
    there = RecordedSource(recording(*ENTRIES))
    assert there.place(Generation(), None, None) == Placed(Generation(), None)


def test_settings_are_told_apart_by_the_document_alone() -> None:
    first, second = settings(Setting("bf16", precision="bf16"), Setting("fp16", precision="fp16")).args[1]
    document, own = source(documented=True), source(documented=False)
    assert seconds(document, document.place(Generation(), second, None)) == 3.0
    assert seconds(own, own.place(Generation(), first, None)) == 1.0
    with pytest.raises(Untestable, match=r"paper measures one setting of its own; .* in case \[bf16\]"):
        own.place(Generation(), second, None)


def test_a_recording_of_a_run_measures_its_own_configuration() -> None:
    """The primary setting of the document is not what another machine ran."""
    own = source(documented=False)
    placed = own.place(Generation(), Setting("fp16", precision="fp16", instance="p4d.24xlarge"), None)
    assert placed == Placed(FILLED, "g5.2xlarge")


def test_every_entry_of_the_recording_can_be_found() -> None:
    there = source()
    found = [there.evidence(Placed(one.workload, one.instance_type)) for one in ENTRIES]
    assert found == list(ENTRIES)
