"""Removing what runs have left in an account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import told
from llm_claims.sagemaker.endpoint_configs import EndpointConfigs
from llm_claims.sagemaker.endpoints import Endpoints
from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.journal import Entry, ResourceKind
from llm_claims.sagemaker.kinds import Kind, State, run_of
from llm_claims.sagemaker.models import Models
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.schedules import Schedules
from llm_claims.sagemaker.training_jobs import TrainingJobs
from llm_claims.sagemaker.uploads import Uploads

Thing = tuple[ResourceKind, str]


@dataclass(frozen=True)
class SweepReport:
    """What a sweep removed, and what is still there although it should not be; scrubbed lines for people.

    ``left`` also tells what could not be looked for. ``remarks`` are no reason to worry. ``gone`` are those of
    the journal that are known not to be there.
    """

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    gone: tuple[Entry, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def describe(self) -> str:
        """The report as lines of text."""
        lines = [f"removed: {line}" for line in self.removed] + [f"LEFT: {line}" for line in self.left]
        total = f"sweep: {len(self.removed)} removed, {len(self.left)} left"
        return "\n".join([*lines, *(f"note: {line}" for line in self.remarks), total])


def kinds(account: Account) -> tuple[Kind, ...]:
    """Every kind of resource, in the order of removal: what is billed first, what others need last."""
    return (
        TrainingJobs(account),
        Endpoints(account),
        EndpointConfigs(account),
        Models(account),
        Schedules(account),
        Uploads(account),
    )


# What has to be gone first; a schedule is the last resort for an endpoint that would not go.
_AFTER: dict[ResourceKind, tuple[ResourceKind, ...]] = {
    "endpoint config": ("endpoint",),
    "model": ("endpoint",),
    "schedule": ("endpoint",),
}


@dataclass
class _Look:
    """What one look around found, and what it could not see."""

    found: dict[Thing, State] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


class Sweep:
    """Finds by journal, by name and by tag; removes, and looks again, until nothing is left or patience ends.

    Parameters
    ----------
    account
        Where to look.
    journaled
        What was about to be created, and was not seen gone since.
    wanted
        Whether a run is to be swept: AWS is then asked for all names and tags, and nothing of any other run is
        touched. Without it, only what is journaled is removed.
    run
        The run, if it is but one: AWS is then asked for its names alone.
    pace
        How long to wait.
    """

    def __init__(
        self,
        account: Account,
        journaled: Sequence[Entry] = (),
        *,
        wanted: Callable[[RunId], bool] | None = None,
        run: RunId | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._account, self._wanted, self._run = account, wanted, run
        self._journaled = [entry for entry in journaled if wanted is None or wanted(entry.run)]
        self._pace = pace or Pace()
        self._kinds = {kind.kind: kind for kind in kinds(account)}

    def look(self) -> SweepReport:
        """Look once and remove nothing: all that is there counts as left."""
        look = self._look()
        left = [*(_line(thing, state) for thing, state in look.found.items()), *look.faults.values()]
        return SweepReport(left=tuple(left), remarks=tuple(look.remarks.values()))

    def run(self) -> SweepReport:
        """Remove what is found."""
        pace, seen, faults = self._pace, dict[Thing, State](), dict[Thing, str]()
        deadline = pace.now() + pace.patience
        while True:
            # The last thing a sweep does is to look.
            is_last = pace.now() >= deadline
            look = self._look()
            seen |= look.found
            if is_last or not (look.found or look.faults or self._in_doubt(seen)):
                break
            faults = self._remove(look)
            pace.sleep(pace.poll)
        removed = [_line(thing) for thing in seen if thing not in look.found]
        left = [_line(thing, state, faults.get(thing)) for thing, state in look.found.items()]
        return SweepReport(
            tuple(removed), (*left, *look.faults.values()), tuple(look.remarks.values()), self._gone(look)
        )

    def _gone(self, look: _Look) -> tuple[Entry, ...]:
        unsure = {*(" ".join(thing) for thing in look.found), *look.faults}
        return tuple(entry for entry in self._journaled if f"{entry.kind} {entry.name}" not in unsure)

    def _look(self) -> _Look:
        look = _Look()
        for kind in self._kinds.values():
            for name in self._names(kind, look):
                with self._noting(look.faults, f"{kind.kind} {name}", f"looking at {kind.kind} {name}"):
                    state = kind.state(name)
                    if state != "gone":
                        look.found[kind.kind, name] = state
        return look

    def _names(self, kind: Kind, look: _Look) -> list[str]:
        """Every name that may be one of these runs', once each."""
        names = [entry.name for entry in self._journaled if entry.kind == kind.kind]
        if self._wanted is None:
            return list(dict.fromkeys(names))
        with self._noting(look.faults, kind.kind, f"listing {kind.kind}s"):
            names += [name for name in kind.names(self._run) if self._is_wanted(run_of(kind.kind, name))]
        # By tag as well, in case that a name is not what we chose.
        with self._noting(look.remarks, kind.kind, f"searching {kind.kind}s by tag"):
            names += [name for name, run in kind.tagged(self._run) if self._is_wanted(_run_id(run))]
        return list(dict.fromkeys(names))

    def _is_wanted(self, run: RunId | None) -> bool:
        return run is not None and self._wanted is not None and self._wanted(run)

    def _remove(self, look: _Look) -> dict[Thing, str]:
        faults: dict[str, str] = {}
        for (kind, name), state in look.found.items():
            if state == "ending" or any((first, name) in look.found for first in _AFTER.get(kind, ())):
                continue
            if any(fault in look.faults for fault in (f"{first} {name}" for first in _AFTER.get(kind, ()))):
                continue
            with self._noting(faults, f"{kind} {name}", f"removing {kind} {name}"):
                self._kinds[kind].remove(name)
        return {thing: faults[" ".join(thing)] for thing in look.found if " ".join(thing) in faults}

    def _in_doubt(self, seen: Mapping[Thing, State]) -> bool:
        """Whether something was about to be created so lately that it may yet appear."""
        since = datetime.now(UTC) - timedelta(seconds=self._pace.settle)
        # A folder that was seen may get one more file; anything else is created once.
        once = {thing for thing in seen if thing[0] != "upload"}
        return any(entry.at > since and (entry.kind, entry.name) not in once for entry in self._journaled)

    @contextmanager
    def _noting(self, faults: dict[str, str], key: str, doing: str) -> Iterator[None]:
        try:
            with told(self._account, doing):
                yield
        except CloudError as error:
            faults[key] = str(error)


def sweep_of_run(account: Account, run: RunId, journaled: Sequence[Entry] = (), *, pace: Pace | None = None) -> Sweep:
    """Prepare to sweep one run, all its processes."""
    return Sweep(account, journaled, wanted=lambda other: other == run, run=run, pace=pace)


def sweep_of_older(
    account: Account, age: timedelta, journaled: Sequence[Entry] = (), *, now: datetime, pace: Pace | None = None
) -> Sweep:
    """Prepare to sweep every run that started at least ``age`` before ``now``."""
    return Sweep(account, journaled, wanted=lambda run: now - run.started >= age, pace=pace)


def _run_id(tag: str) -> RunId | None:
    try:
        return RunId(tag)
    except CloudError:
        return None


def _line(thing: Thing, state: State = "there", fault: str | None = None) -> str:
    kind, name = thing
    return f"{kind} {name}" + (f", still {state}" if state != "there" else "") + (f" ({fault})" if fault else "")
