"""A sweep removes what runs have left in an AWS account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors
from llm_claims.sagemaker.endpoint_configs import EndpointConfigs
from llm_claims.sagemaker.endpoints import Endpoints
from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.journal import Entry, ResourceType
from llm_claims.sagemaker.models import Models
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.resources import Found, Resources, State
from llm_claims.sagemaker.schedules import Schedules
from llm_claims.sagemaker.training_jobs import TrainingJobs
from llm_claims.sagemaker.uploads import Uploads

Resource = tuple[ResourceType, str]
"""Type and name of one resource."""


@dataclass(frozen=True)
class SweepReport:
    """What a sweep did, as scrubbed lines of text.

    ``removed`` were found, and a later look found that they are gone. ``left`` are still there, or could not be looked
    for: AWS refused, no bucket was named, or the journal says that they are elsewhere. ``remarks`` are errors that hide
    nothing. ``gone`` are the entries of the journal that are known not to exist any more.
    """

    region: str

    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    gone: tuple[Entry, ...] = ()

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    def describe(self) -> str:
        """Return the report as text, with a line for each resource and a sum."""
        lines = [f"removed: {line}" for line in self.removed] + [f"LEFT: {line}" for line in self.left]
        total = f"sweep in {self.region}: {len(self.removed)} removed, {len(self.left)} left"
        return "\n".join([*lines, *(f"note: {line}" for line in self.remarks), total])


def all_resources(account: Account) -> tuple[Resources, ...]:
    """Return all types of resource in the order of removal: first what is billed, last what others depend on."""
    return (
        TrainingJobs(account),
        Endpoints(account),
        EndpointConfigs(account),
        Models(account),
        Schedules(account),
        Uploads(account),
    )


# Type → the types of the same name that have to be gone first. A schedule stays as long as its endpoint does: it is the
# last means to delete it.
_AFTER: dict[ResourceType, tuple[ResourceType, ...]] = {
    "endpoint config": ("endpoint",),
    "model": ("endpoint",),
    "schedule": ("endpoint",),
}


@dataclass
class _Findings:
    """What one look at the account found, and its errors: ``faults`` may hide resources, ``remarks`` do not."""

    found: dict[Resource, State] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


class Sweep:
    """Finds resources by journal, name and tag, and removes them until nothing is left or `Pace.patience` ends.

    Parameters
    ----------
    account
        The account to sweep.
    journaled
        Entries of the journal: resources that may exist.
    wanted
        Whether what a run created at a time (UTC) is to be swept. All names and tags in the account are then searched
        for it; nothing else is touched. Without it, only journaled resources are removed.
    run
        The run, if there is only one to sweep: the search is then limited to it.
    pace
        How often AWS is polled, and how long each wait may last.
    """

    def __init__(
        self,
        account: Account,
        journaled: Sequence[Entry] = (),
        *,
        wanted: Callable[[RunId, datetime], bool] | None = None,
        run: RunId | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._account, self._wanted, self._run = account, wanted, run
        journaled = [entry for entry in journaled if wanted is None or wanted(entry.run, entry.at)]
        self._journaled = [entry for entry in journaled if entry.is_in(account.place)]
        self._elsewhere = [entry for entry in journaled if not entry.is_in(account.place)]
        self._pace = pace or Pace()
        self._seen: dict[Resource, State] = {}
        self._resources = {resources.type: resources for resources in all_resources(account)}

    def look(self) -> SweepReport:
        """Look once and remove nothing: everything found is reported as left."""
        look = self._look()
        left = [_line(resource, state) for resource, state in look.found.items()]
        return self._report(look, left)

    def run(self) -> SweepReport:
        """Look and remove until a look finds nothing, or until the last look after `Pace.patience`."""
        pace, faults = self._pace, dict[Resource, str]()
        deadline = pace.now() + pace.patience
        while True:
            is_last = pace.now() >= deadline
            look = self._look()
            if is_last or not (look.found or look.faults or self._may_appear()):
                break
            faults = self._remove(look)
            pace.sleep(pace.poll)
        # A resource that the last look could not look at is among its faults, and so among what is left.
        removed = [_line(one) for one in self._seen if one not in look.found and " ".join(one) not in look.faults]
        left = [_line(resource, state, faults.get(resource)) for resource, state in look.found.items()]
        return self._report(look, left, removed, self._gone(look))

    def _report(
        self, look: _Findings, left: Sequence[str], removed: Sequence[str] = (), gone: tuple[Entry, ...] = ()
    ) -> SweepReport:
        elsewhere = (f"{entry.type} {entry.name}, {self._where(entry)}" for entry in self._elsewhere)
        unseen = (*left, *look.faults.values(), *elsewhere, *self._without_bucket())
        return SweepReport(self._account.region, tuple(removed), unseen, tuple(look.remarks.values()), gone)

    def _where(self, entry: Entry) -> str:
        """Say where a resource is that this sweep cannot find, and what to do."""
        here, there = self._account.place, entry.place
        if there.account != here.account:
            return f"in another account, in {there.region}: sweep again with its credentials"
        if there.region != here.region:
            return f"in {there.region}: sweep again with AWS_REGION={there.region}"
        return "in another bucket: sweep again with its name, by --bucket or LLM_CLAIMS_BUCKET"

    def _without_bucket(self) -> Iterator[str]:
        """Say that uploads were not looked for, if a whole run is swept and no bucket is known."""
        if self._wanted is not None and not self._account.bucket:
            yield "uploads: not looked for, since no bucket is named: pass --bucket, or set LLM_CLAIMS_BUCKET"

    def _gone(self, look: _Findings) -> tuple[Entry, ...]:
        """Return the journaled resources that the look did not find, unless an error may have hidden them."""
        unsure = {*(" ".join(resource) for resource in look.found), *look.faults}
        return tuple(entry for entry in self._journaled if f"{entry.type} {entry.name}" not in unsure)

    def _look(self) -> _Findings:
        look = _Findings()
        for resources in self._resources.values():
            for name in self._names(resources, look):
                resource = f"{resources.type} {name}"
                with self._noting(look.faults, resource, f"looking at {resource}"):
                    state = resources.state(name)
                    if state != "gone":
                        look.found[resources.type, name] = state
        self._seen |= look.found
        return look

    def _names(self, resources: Resources, look: _Findings) -> list[str]:
        """Return the names of all resources of one type that may belong to the runs to sweep, or were seen before."""
        names = [entry.name for entry in self._journaled if entry.type == resources.type]
        names += [name for resource_type, name in self._seen if resource_type == resources.type]
        if self._wanted is None:
            return list(dict.fromkeys(names))
        with self._noting(look.faults, resources.type, f"listing {resources.type}s"):
            names += [found.name for found in resources.listed(self._run) if self._is_wanted(found)]
        # By tag as well, in case that a name is not one that we chose.
        with self._noting(look.remarks, resources.type, f"searching {resources.type}s by tag"):
            names += [found.name for found in resources.tagged(self._run) if self._is_wanted(found)]
        return list(dict.fromkeys(names))

    def _is_wanted(self, found: Found) -> bool:
        return found.run is not None and self._wanted is not None and self._wanted(found.run, found.created)

    def _remove(self, look: _Findings) -> dict[Resource, str]:
        """Remove what was found and is not ending, unless another resource has to be gone first; return the errors."""
        faults: dict[str, str] = {}
        for (resource_type, name), state in look.found.items():
            before = _AFTER.get(resource_type, ())
            if state == "ending" or any((first, name) in look.found for first in before):
                continue
            if any(f"{first} {name}" in look.faults for first in before):
                continue
            resource = f"{resource_type} {name}"
            with self._noting(faults, resource, f"removing {resource}"):
                self._resources[resource_type].remove(name)
        return {resource: faults[" ".join(resource)] for resource in look.found if " ".join(resource) in faults}

    def _may_appear(self) -> bool:
        """Whether a resource was entered in the journal within `Pace.settle`, so that it may yet be created."""
        since = datetime.now(UTC) - timedelta(seconds=self._pace.settle)
        # More files may come into a folder that was seen; every other resource is created once.
        once = {resource for resource in self._seen if resource[0] != "upload"}
        return any(entry.at > since and (entry.type, entry.name) not in once for entry in self._journaled)

    @contextmanager
    def _noting(self, faults: dict[str, str], key: str, doing: str) -> Iterator[None]:
        """Keep an error of AWS under ``key`` in ``faults``, instead of raising it."""
        try:
            with cloud_errors(self._account, doing):
                yield
        except CloudError as error:
            faults[key] = str(error)


def sweep_of_run(account: Account, run: RunId, journaled: Sequence[Entry] = (), *, pace: Pace | None = None) -> Sweep:
    """Return the sweep of one run, with all its processes."""
    return Sweep(account, journaled, wanted=lambda other, _: other == run, run=run, pace=pace)


def sweep_of_older(
    account: Account, age: timedelta, journaled: Sequence[Entry] = (), *, now: datetime, pace: Pace | None = None
) -> Sweep:
    """Return the sweep of what any run created at least ``age`` before ``now``.

    The age of a run says nothing: a run that is repeated may have its old id.
    """
    return Sweep(account, journaled, wanted=lambda _, created: now - created >= age, pace=pace)


def _line(resource: Resource, state: State = "there", fault: str | None = None) -> str:
    resource_type, name = resource
    still = f", still {state}" if state != "there" else ""
    return f"{resource_type} {name}{still}" + (f" ({fault})" if fault else "")
