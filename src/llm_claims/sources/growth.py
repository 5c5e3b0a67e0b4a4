"""How evidence grows by one round, and when a round is refused."""

from __future__ import annotations

from datetime import date

from pydantic import ValidationError

from llm_claims.errors import ProgramError, WitnessError
from llm_claims.evidence.evidence import Evidence, Metric, Provenance, tells_its_end
from llm_claims.workloads.base import Loading, Workload, seed_of
from llm_claims.workloads.metrics import FROM_THE_SEED, METRICS, NOISY, OF_A_WATCHED_STEP, SERIES
from llm_claims.workloads.protocol import Answer, Figure, Printed, Ready, Request
from llm_claims.workloads.witness import differences


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
        The run failed, or answered a metric nobody knows. That memory ran out, or that an engine failed, is
        evidence, if the run has a witness of what it was.
    WitnessError
        The run was not what was asked, or saw something else than the rounds before it.
    """
    _check(known, request, answer, device)
    earlier = known.metrics if known else {}
    try:
        return Evidence(
            workload=request.workload,
            outcome=answer.outcome,
            metrics={
                name: _appended(earlier.get(name), name, value, request.workload)
                for name, value in answer.metrics.items()
                if known is None or name in earlier or name not in OF_A_WATCHED_STEP
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
    """Say which rounds are of an earlier day: the provenance has one date, that of the last round."""
    if known is None:
        return None
    if known.provenance.date == date.today():
        return known.note
    rounds = ", ".join(map(str, known.rounds))
    earlier = f"rounds {rounds} were measured until {known.provenance.date}"
    return "; ".join(filter(None, (known.note, earlier)))


def _check(known: Evidence | None, request: Request, answer: Answer, device: str) -> None:
    what = f"{request.workload.describe()}, round {request.round}"
    early = tells_its_end(answer.outcome.kind, answer.witness)
    if answer.outcome.kind != "completed" and not early:
        raise ProgramError(f"{what}: the run ended {answer.outcome.kind}: {answer.outcome.signature}")
    wrong = differences(request.workload, answer.witness, ended_early=early)
    if answer.witness and not _ran_on(
        device, answer.witness.device, blind=early or isinstance(request.workload, Loading)
    ):
        wrong.append(f"device: asked {device!r}, the run saw {answer.witness.device!r}")
    if wrong:
        raise WitnessError(f"{what}: the run was not what was asked, so it is refused: {'; '.join(wrong)}")
    if known and known.witness != answer.witness:
        raise WitnessError(f"{what}: it saw another configuration of itself than the rounds before it")
    if known and (set(known.metrics) ^ set(answer.metrics)) - OF_A_WATCHED_STEP:
        raise WitnessError(f"{what}: it has other metrics than the rounds before it")


def _ran_on(device: str, seen: str | None, *, blind: bool) -> bool:
    """Whether a run was where it should be. Some may be ``blind``: they end early, or are about the host's memory."""
    return seen == device or (blind and seen is None)


def _appended(before: Metric | None, name: str, value: Figure, workload: Workload) -> Metric:
    """Return the metric with this round's value.

    Of series the first round is kept: their claims are about one run.
    """
    if name not in METRICS:
        raise ProgramError(f"the program answered a metric that nobody knows: {name!r}")
    if (name in SERIES) != isinstance(value, tuple):
        raise ProgramError(f"the program answered {name!r} in the wrong form: {value!r:.80}")
    if isinstance(value, Printed):
        return _printed(before, name, value)
    if isinstance(value, tuple):
        return before or Metric(unit=METRICS[name], spread="exact", samples=value)
    if name in NOISY or (name in FROM_THE_SEED and seed_of(workload) is None):
        samples = (*(before.samples if before else ()), value)
        return Metric(unit=METRICS[name], spread="sampled", samples=samples)
    return _unchanged(before, name, Metric(unit=METRICS[name], spread="exact", samples=(value,)))


def _printed(before: Metric | None, name: str, figure: Printed) -> Metric:
    return Metric(
        unit=METRICS[name],
        spread="printed",
        samples=(*(before.samples if before else ()), figure.value),
        resolution=figure.resolution,
        rounding=figure.rounding,
    )


def _unchanged(before: Metric | None, name: str, now: Metric) -> Metric:
    if before is not None and before != now:
        raise WitnessError(f"{name} changed between rounds: {before.samples[0]:g}, then {now.samples[0]:g}")
    return now
