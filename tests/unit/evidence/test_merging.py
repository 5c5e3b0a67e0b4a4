"""Merging: one recording of several, in which nothing is compared that was measured on two occasions."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from builders import (
    MEASURED,
    count_metric,
    failed,
    measured,
    printed_metric,
    recording,
    reported,
    sampled_metric,
    witness_of,
)

from llm_claims.errors import RecordingError, Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.merging import measured_again, merged
from llm_claims.evidence.recordings import Recording
from llm_claims.evidence.times import Times
from llm_claims.judging.decider import Decider
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.relations import equal, every, less, outcome
from llm_claims.relations.verdict import Word
from llm_claims.sources.base import Placed
from llm_claims.sources.recorded import RecordedSource
from llm_claims.workloads.devices import Devices, DeviceState
from llm_claims.workloads.generation.defaults import GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.training.defaults import TrainingDefaults
from llm_claims.workloads.training.workload import Training

SHORT, LONG, LONGER = (Generation(new_tokens=n) for n in (1, 2, 3))
LOADING = Loading(model="llama-7b")


def state(celsius: float) -> tuple[DeviceState, ...]:
    seen = {"sm_clock_mhz": 1980.0, "memory_clock_mhz": 2619.0, "power_watts": 70.0, "memory_used_mib": 0.0}
    return (DeviceState(temperature_celsius=celsius, **seen),)


H100 = Devices(model="H100", count=1, memory_mib=81559, driver="580.1", links=(("X",),), start=state(36), end=state(41))


def timed(workload: Generation, *seconds: float, rounds: tuple[int, ...] = ()) -> Evidence:
    return measured(
        workload, rounds or range(1, len(seconds) + 1), latency_seconds=sampled_metric("latency_seconds", *seconds)
    )


def occasion(*evidence: Evidence, name: str = "one", **fields: Any) -> Recording:
    return recording(*evidence, name=name, measured_on="gpu", **{"devices": H100, **fields})


MORNING = occasion(timed(SHORT, 1.0, 1.0, 1.0), timed(LONG, 2.0, 2.0, 2.0), name="morning", recorded=date(2026, 11, 22))
EVENING = occasion(
    timed(LONGER, 3.0, 3.0, 3.0, rounds=(2, 4, 5)),
    name="evening",
    recorded=date(2026, 11, 23),
    devices=H100.model_copy(update={"start": state(50), "end": state(60)}),
)


LOADED = failed(LOADING, "out_of_memory", "Killed", provenance=MEASURED, witness=witness_of(LOADING))


def test_a_merge_holds_what_each_holds_and_spans_their_time() -> None:
    whole = merged([MORNING, EVENING], "day")
    assert [entry.workload for entry in whole.evidence] == [SHORT, LONG, LONGER]
    assert (whole.name, whole.recorded, whole.measured_on) == ("day", date(2026, 11, 23), "gpu")
    assert whole.devices == H100.model_copy(update={"start": state(36), "end": state(60)})


def test_occasions_are_numbered_on_through_merges_of_merges() -> None:
    day = merged([MORNING, EVENING], "day")
    night = occasion(timed(Generation(new_tokens=9), 1.0), name="night", recorded=date(2026, 11, 24))
    assert [entry.occasion for entry in merged([day, night], "all").evidence] == [1, 1, 2, 3]
    later = night.model_copy(update={"recorded": date(2026, 11, 20)})
    assert [entry.occasion for entry in merged([later, day], "all").evidence] == [1, 2, 2, 3]
    assert [entry.rounds for entry in day.evidence] == [(1, 2, 3), (1, 2, 3), (2, 4, 5)]


A_RUN, ANOTHER = (Training(seed=500, repetition=number) for number in (1, 2))
FIGURES = {
    "recent_step_seconds": sampled_metric("recent_step_seconds", 1.0),
    "train_runtime_seconds": printed_metric("train_runtime_seconds", 5.1, 0.1),
    "train_loss": count_metric("train_loss", 1.0),
    "optimizer_steps": count_metric("optimizer_steps", 36.0),
}


def test_no_times_of_different_passes_are_compared_either() -> None:
    """As in a recording of some claims, each of which had passes of its own."""
    source = RecordedSource(occasion(timed(SHORT, 1.0, 1.0), timed(LONG, 2.0, 2.0, rounds=(3, 4))))
    few, many = (Measurement(source, Placed(run)).latency_seconds for run in (SHORT, LONG))
    with pytest.raises(Untestable, match="one has these from different passes: they were not measured side by side"):
        Decider(5, lambda _: Plan()).decide(less(few, many), source)


@pytest.mark.parametrize("metric", FIGURES)
@pytest.mark.parametrize("relation", [less, equal], ids=["less", "equal"])
def test_no_figure_of_two_occasions_is_compared(relation: Any, metric: str) -> None:
    """Whatever its samples are, and whether they pair up by rounds or not."""
    one, other = (
        occasion(measured(run, rounds=(1,), **{metric: FIGURES[metric]}), name=name)
        for name, run in {"one": A_RUN, "other": ANOTHER}.items()
    )
    source = RecordedSource(merged([one, other], "both"))
    compared = relation(*(getattr(Measurement(source, Placed(run)), metric) for run in (A_RUN, ANOTHER)))
    with pytest.raises(Untestable, match="from 2 occasions: they were not measured side by side"):
        Decider(5, lambda _: Plan()).decide(compared, source)


def test_what_was_measured_on_one_occasion_is_compared() -> None:
    source = RecordedSource(merged([MORNING, EVENING], "day"))
    shorter = less(*(Measurement(source, Placed(one)).latency_seconds for one in (SHORT, LONG)))
    assert Decider(5, lambda _: Plan()).decide(shorter, source).word is Word.REPRODUCED


def test_how_runs_ended_may_be_joined() -> None:
    source = RecordedSource(merged([MORNING, occasion(LOADED, name="other", recorded=date(2026, 11, 23))], "day"))
    ended = every(
        outcome(Measurement(source, Placed(SHORT)), "completed"),
        outcome(Measurement(source, Placed(LOADING)), "out_of_memory"),
    )
    assert Decider(5, lambda _: Plan()).decide(ended, source).word is Word.REPRODUCED


def test_what_two_measured_is_the_later_one_s() -> None:
    again = occasion(timed(SHORT, 5.0, 5.1, 5.2), name="again", recorded=date(2026, 11, 23))
    whole = merged([MORNING, again], "day")
    assert [(entry.workload, entry.occasion) for entry in whole.evidence] == [(SHORT, 2), (LONG, 1)]
    assert whole.evidence[0].metrics["latency_seconds"].samples == (5.0, 5.1, 5.2)
    (line,) = measured_again([MORNING, again])
    assert line == "taken from again, not from morning: Generation(new_tokens=1)"


def test_a_merge_took_the_most_rounds_of_any_and_is_complete_if_all_are() -> None:
    more = MORNING.model_copy(update={"most_rounds": 9, "complete": False})
    for whole in (merged([more, EVENING], "day"), merged([MORNING, more], "day")):
        assert (whole.most_rounds, whole.complete) == (9, False)
    assert merged([MORNING, EVENING], "day").complete


def test_a_merge_without_gpus_has_none() -> None:
    one, other = (each.model_copy(update={"devices": None, "measured_on": "cpu"}) for each in (MORNING, EVENING))
    assert merged([one, other], "day").devices is None


def test_defaults_may_differ_of_kinds_that_not_both_measured() -> None:
    trained = {"training": TrainingDefaults(fields=Training(ranks=2))}
    other = EVENING.model_copy(update={"defaults": {**EVENING.defaults, **trained}})
    assert merged([MORNING, other], "day").defaults == {**MORNING.defaults, **trained}


def elsewhere(entry: Evidence, **provenance: Any) -> Evidence:
    return entry.model_copy(update={"provenance": MEASURED.model_copy(update=provenance)})


def test_a_kind_that_only_one_between_the_first_and_the_last_measured_keeps_its_defaults() -> None:
    between = occasion(LOADED, name="noon", recorded=date(2026, 11, 22))
    assert merged([MORNING, between, EVENING], "day").kinds == {"generation", "loading"}


def test_a_merge_took_what_each_took_if_each_says_so() -> None:
    first, second = Times(40.0, 5.0, 6.0, 20.0, 7.0), Times(10.0, 1.0, 2.0, 3.0, 4.0)
    morning, evening = (
        one.model_copy(update={"spent_seconds": took}) for one, took in ((MORNING, first), (EVENING, second))
    )
    assert merged([morning, evening], "day").spent_seconds == Times(50.0, 6.0, 8.0, 23.0, 11.0)
    assert merged([MORNING, evening], "day").spent_seconds is None


def test_how_gpus_are_joined_is_compared_where_both_say_it() -> None:
    silent = MORNING.model_copy(update={"devices": H100.model_copy(update={"links": ()})})
    whole = merged([silent, EVENING], "day")
    assert whole.devices is not None
    assert whole.devices.links == (("X",),)


def test_packages_are_compared_where_both_name_them() -> None:
    names = {"torch": "2.11.0", "triton": "3.6.0"}
    one = MORNING.model_copy(update={"evidence": (elsewhere(MORNING.evidence[0], software=names),)})
    two = EVENING.model_copy(update={"evidence": (elsewhere(EVENING.evidence[0], software={"torch": "2.11.0"}),)})
    assert merged([one, two], "day").name == "day"
    other = EVENING.model_copy(update={"evidence": (elsewhere(EVENING.evidence[0], software={"torch": "2.13.0"}),)})
    with pytest.raises(RecordingError, match=r"torch: 2\.11\.0, then 2\.13\.0"):
        merged([one, other], "day")


UNLIKE = {
    "documented": ({"documented": True, "measured_on": None}, "a document's figures are one recording"),
    "source": ({"measured_on": "cpu"}, "measured_on: morning and evening: gpu and cpu"),
    "gpus": ({"devices": H100.model_copy(update={"count": 2})}, "1 × H100 (81559 MiB each, driver 580.1) and 2 × H100"),
    "driver": ({"devices": H100.model_copy(update={"driver": "590"})}, "driver 590"),
    "no gpus": ({"devices": None}, "and no GPUs"),
    "links": ({"devices": H100.model_copy(update={"links": (("PIX",),)})}, "or joined otherwise"),
    "defaults": (
        {"defaults": {"generation": GenerationDefaults(device_memory_gib={"g5.xlarge": 24})}},
        "defaults: morning and evening: they fill what a generation workload leaves open with different fields",
    ),
    "hardware": (
        {"evidence": (elsewhere(EVENING.evidence[0], hardware="2 x H100"),)},
        "evidence: morning and evening: hardware: a CPU, 2 cores, then 2 x H100",
    ),
    "hardware of another kind": ({"evidence": (elsewhere(LOADED, hardware="2 x H100"),)}, "cores, then 2 x H100"),
}


@pytest.mark.parametrize(("changes", "said"), UNLIKE.values(), ids=UNLIKE)
def test_what_is_not_of_one_machine_and_configuration_is_not_merged(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(RecordingError) as caught:
        merged([MORNING, EVENING.model_copy(update=changes)], "day")
    assert said in str(caught.value)


def test_the_second_and_the_third_are_compared_too() -> None:
    third = occasion(elsewhere(LOADED, hardware="another machine"), name="third", recorded=date(2026, 11, 23))
    second = occasion(LOADED, name="second", recorded=date(2026, 11, 23))
    with pytest.raises(RecordingError, match="second and third: hardware: a CPU, 2 cores, then another machine"):
        merged([MORNING, second, third], "day")


def test_documented_figures_are_never_merged_with_each_other() -> None:
    paper = recording(reported(SHORT), documented=True)
    with pytest.raises(RecordingError, match="documented: paper and other"):
        merged([paper, paper.model_copy(update={"name": "other"})], "day")


def test_a_merge_is_of_several_in_the_order_they_were_made() -> None:
    with pytest.raises(RecordingError, match="two recordings or more"):
        merged([MORNING], "day")
    with pytest.raises(RecordingError, match="morning was recorded before evening: name recordings in the order"):
        merged([EVENING, MORNING], "day")
