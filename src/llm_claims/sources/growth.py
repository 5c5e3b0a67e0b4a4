"""Evidence with one more round; a round that was not what was asked is refused."""

from __future__ import annotations

from datetime import date

from pydantic import ValidationError

from llm_claims.errors import ProgramError, Untestable, WitnessError
from llm_claims.evidence.evidence import Evidence, Provenance, Samples
from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.protocol import Answer, Figure, Printed, Ready, Request
from llm_claims.workloads.witness import Witness, is_usable_failure


def grown(
    known: Evidence | None,
    request: Request,
    answer: Answer,
    ready: Ready,
    *,
    device: str,
    command: str,
    commit: str | None,
) -> Evidence:
    """Return ``known`` with one more round; ``device`` is where it has to have run.

    Raises
    ------
    ProgramError
        The run failed, or answered a metric that its kind does not have. That memory ran out, or that an engine
        failed, is evidence, if the run has a witness of what it was.
    Untestable
        The program cannot run this workload, and says why.
    WitnessError
        The run was not what was asked, or saw something else than the rounds before it.
    """
    if answer.unsupported is not None:
        raise Untestable(answer.unsupported)
    _check(known, request, answer, device)
    earlier = known.metrics if known else {}
    try:
        return Evidence(
            workload=request.workload,
            outcome=answer.outcome,
            metrics={
                name: _appended(earlier.get(name), name, value, request.workload)
                for name, value in answer.metrics.items()
                if known is None or name in earlier or not request.workload.metric(name).optional
            },
            rounds=(*(known.rounds if known else ()), request.round),
            witness=answer.witness,
            note=_note(known),
            provenance=_provenance(known, request, ready, command, commit),
        )
    except ValidationError as error:
        words = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ProgramError(f"{request.workload.describe()}, round {request.round}: {words}") from None


def _provenance(known: Evidence | None, request: Request, ready: Ready, command: str, commit: str | None) -> Provenance:
    return Provenance(
        kind="measured",
        hardware=ready.hardware,
        software=ready.software,
        commit=commit,
        date=date.today(),
        seeds=(*(known.provenance.seeds if known else ()), request.seed),
        command=command,
    )


def _note(known: Evidence | None) -> str | None:
    """Say which rounds were measured on an earlier day: the provenance has the date of the last round only."""
    if known is None:
        return None
    if known.provenance.date == date.today():
        return known.note
    rounds = ", ".join(map(str, known.rounds))
    earlier = f"rounds {rounds} were measured until {known.provenance.date}"
    return "; ".join(filter(None, (known.note, earlier)))


def _check(known: Evidence | None, request: Request, answer: Answer, device: str) -> None:
    what = f"{request.workload.describe()}, round {request.round}"
    failed_usably = is_usable_failure(answer.outcome.kind, answer.witness)
    if answer.outcome.kind != "completed" and not failed_usably:
        raise ProgramError(f"{what}: the run ended {answer.outcome.kind}: {answer.outcome.signature}")
    try:
        for name in answer.metrics:
            request.workload.metric(name)
    except ValueError as error:
        raise ProgramError(f"{what}: {error}") from None
    wrong = differences(request.workload, answer.witness, ended_early=failed_usably)
    if answer.witness is not None and (fault := _wrong_device(device, answer.witness, failed=failed_usably)):
        wrong.append(fault)
    if wrong:
        raise WitnessError(f"{what}: the run was not what was asked, so it is refused: {'; '.join(wrong)}")
    if known and known.witness != answer.witness:
        raise WitnessError(f"{what}: it saw another configuration of itself than the rounds before it")
    if known:
        changed = set(known.metrics) ^ set(answer.metrics)
        if any(not request.workload.metric(name).optional for name in changed):
            raise WitnessError(f"{what}: it has other metrics than the rounds before it")


def _wrong_device(asked: str, witness: Witness, *, failed: bool) -> str | None:
    """Say how a run was not where it should be; on a GPU, one that did not look may have been anywhere."""
    unseen = witness.device is None
    if witness.device == asked or (unseen and (failed or asked == "cpu" or witness.may_omit_device)):
        return None
    return f"device: asked {asked!r}, the run saw {witness.device!r}"


def _appended(before: Samples | None, name: str, value: Figure, workload: Workload) -> Samples:
    """Return the samples with this round's value.

    Of several numbers a run the first round is kept: their claims are about one run.
    """
    metric = workload.metric(name)
    if metric.several != isinstance(value, tuple):
        form = "several numbers" if metric.several else "one number"
        raise ProgramError(f"the program answered {name!r} with {value!r:.80}, which takes {form}")
    earlier = before.samples if before else ()
    if isinstance(value, Printed):
        return Samples(
            unit=metric.unit,
            spread="printed",
            samples=(*earlier, value.value),
            resolution=value.resolution,
            rounding=value.rounding,
        )
    if isinstance(value, tuple):
        return before or Samples(unit=metric.unit, spread="exact", samples=value)
    if metric.nature in ("noisy", "timed") or (metric.nature == "seeded" and workload.fixed_seed is None):
        return Samples(unit=metric.unit, spread="sampled", samples=(*earlier, value))
    if before is not None and earlier != (value,):
        raise WitnessError(f"{name} changed between rounds: {earlier[0]:g}, then {value:g}")
    return Samples(unit=metric.unit, spread="exact", samples=(value,))
