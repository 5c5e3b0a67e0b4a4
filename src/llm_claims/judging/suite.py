"""The suite: documents, each with its register and recordings, and the sources that judge their claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pluggy
import pytest
from filelock import FileLock

from llm_claims.document.documents import Document, Documents, read_documents
from llm_claims.document.instances import InstanceTable, read_instances
from llm_claims.errors import ClaimsError, UsageError, listed
from llm_claims.evidence.recordings import Recording, read_recordings
from llm_claims.judging.accepted import AcceptedVerdict
from llm_claims.judging.cases import Collected
from llm_claims.judging.commit import commit_of
from llm_claims.judging.history.tonight import History
from llm_claims.judging.progress import ProgressLine
from llm_claims.judging.rehearsal import rehearsed_needs
from llm_claims.judging.rows import VerdictRow
from llm_claims.judging.run_options import Options
from llm_claims.sources.base import Need, Source
from llm_claims.sources.recorded import RecordedSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.sources.unavailable import UnavailableSource
from llm_claims.workloads.base import Workload
from llm_claims.workloads.registry import keep, kinds, register

ASLEEP = {
    "sagemaker": "measures on AWS, at a cost: pass --instance TYPE for what may be launched, and --plan to see it first"
}
"""Sources that are loaded only when they are asked for, and how to ask for each."""


@dataclass
class Suite:
    """Everything that the trials of one run share.

    ``remarks`` are what its report has to say of the run; ``recordings`` those that it reads, by file;
    ``recorded_of`` is the document in whose folder each lies, by its name; ``None`` of one that lies elsewhere.
    ``known`` are the kinds that were known before it; ``collected`` is what it is to judge, once that is known.
    """

    options: Options
    store: EvidenceStore
    progress: ProgressLine
    hook: pluggy.HookRelay
    remarks: list[str] = field(default_factory=list)
    recordings: dict[Path, Recording] = field(default_factory=dict, init=False)
    recorded_of: dict[str, Document | None] = field(default_factory=dict, init=False)
    known: tuple[type[Workload], ...] = field(default_factory=kinds, init=False)
    collected: Collected = field(default_factory=Collected)

    @cached_property
    def documents(self) -> Documents:
        """The documents with their claims."""
        return read_documents(self.options.registers)

    @cached_property
    def instances(self) -> InstanceTable:
        """The known instance types."""
        return read_instances(self.options.fixtures / "instances.json")

    @property
    def has_instances(self) -> bool:
        """Whether the suite has a table of instance types."""
        return (self.options.fixtures / "instances.json").exists()

    @cached_property
    def commit(self) -> str | None:
        """The commit of the suite that is checked out, if it is in a git repository."""
        try:
            return commit_of(self.options.fixtures)
        except OSError as error:
            self.remarks.append(f"the suite's commit is unknown: {error}")
            return None

    @cached_property
    def history(self) -> History | None:
        """The nights before this run, if it is to be compared with them."""
        return History(self.options.history) if self.options.history else None

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Every source by name: recordings, this machine's hardware, then those of other plugins."""
        for of_one_plugin in self.hook.pytest_claims_kinds():
            register(*of_one_plugin)
        found: dict[str, Source] = {}
        for source in (*self._recorded(), *self._hooked()):
            if source.name in found:
                raise UsageError(f"two sources are named {source.name!r}: change one's name (a recording's is `name`)")
            found[source.name] = source
        for name, reason in ASLEEP.items():
            found.setdefault(name, UnavailableSource(name, reason))
        return found

    def accepted(self, item: pytest.Item) -> AcceptedVerdict:
        """The accepted verdict of a case; no two workers write to its file at a time."""
        return AcceptedVerdict.of(item, self.options.update, lambda: FileLock(self.store.folder / "accepted"))

    def asleep(self, name: str) -> str | None:
        """How to ask for a source that is loaded only then; None if it is another, or was asked for."""
        return None if self.options.instances else ASLEEP.get(name)

    def sources_for(self, claim: str) -> dict[str, Source]:
        """The sources that judge a claim: all but the recordings of other documents."""
        own = self.documents.of_claim.get(claim)
        return {name: one for name, one in self.sources.items() if self.recorded_of.get(name) in (None, own)}

    @property
    def wanted(self) -> set[str] | None:
        """The ids of the claims that the options name; ``None`` where they name none."""
        claims, documents = self.options.claims, self.options.documents
        if not claims and not documents:
            return None
        of_claim = self.documents.of_claim
        return {id for id in (claims or of_claim) if not documents or of_claim[id].name in documents}

    def labelled(self, row: VerdictRow) -> VerdictRow:
        """Return a row with the name of its claim's document, where there are several."""
        if not self.documents.several:
            return row
        return row.model_copy(update={"document": self.documents.of_claim[row.claim].name})

    def _recorded(self) -> list[Source]:
        folders = [one.recordings for one in self.documents.held]
        files = self.options.recordings or tuple(path for folder in folders for path in sorted(folder.glob("*.json")))
        self.recordings = dict(zip(files, read_recordings(files), strict=True))
        for path, recording in self.recordings.items():
            self.recorded_of[recording.name] = self.documents.of_recording(path)
        return [RecordedSource(recording) for recording in self.recordings.values()]

    def _hooked(self) -> Iterator[Source]:
        for sources in self.hook.pytest_claims_sources(suite=self):
            yield from sources

    @property
    def live_cases(self) -> int:
        """How many live cases the run is to judge: they share the error of a change."""
        return max(1, sum(self.sources[case.source].live for case in self.collected.cases))

    def needs(self, items: Iterable[pytest.Item], source: Source) -> list[Need]:
        """What the selected cases of a source will ask for, without claims that it cannot measure at all."""
        refused = frozenset(id for id in self.documents.claims if self.untestable(id, source))
        return rehearsed_needs(items, source, refused, lambda: {"instances": self.instances})

    def untestable(self, claim: str, source: Source) -> str | None:
        """The register's reason why ``source`` cannot measure ``claim``, if there is one."""
        reasons = self.documents[claim].untestable
        return reasons.get(source.name) or reasons.get(source.measures_as)

    @cached_property
    def fault(self) -> ClaimsError | None:
        """What is wrong with the options, the register, the instance table or a recording, if anything is."""
        try:
            for claim in self.options.claims:
                self.documents[claim]
            for name in self.options.documents:
                self.documents.named(name)
            self._check_claims_are_of_documents()
            self._read()
            record = self.options.record
            if record is not None and record.stem in self.sources:
                raise UsageError(
                    f"--record {record}: {record.stem!r} is a source already; name the recording otherwise"
                )
        except ClaimsError as error:
            return error
        return None

    def _check_claims_are_of_documents(self) -> None:
        """Make sure that no claim that is asked for is left out because its document is not."""
        of_claim, wanted = self.documents.of_claim, self.options.documents
        for id in self.options.claims if wanted else ():
            if (name := of_claim[id].name) not in wanted:
                raise UsageError(f"--claim {id} is of document {name}, and --document names {listed(wanted)} alone")

    def _read(self) -> None:
        """Read every file now: each is kept from then on."""
        _ = self.documents, self.sources, self.history and self.history.entries
        if self.has_instances:
            _ = self.instances

    def check_sound(self) -> None:
        """Read everything that the options and the fixtures name.

        Raises
        ------
        ClaimsError
            An unknown claim or instance type, or a file that cannot be trusted.
        """
        if self.fault is not None:
            raise self.fault

    def check_claim(self, id: str, test: str) -> None:
        """Make sure that the claim a test names is in a register.

        Raises
        ------
        UsageError
            It is not; the text names the test and the nearest ids.
        """
        try:
            self.documents[id]
        except UsageError as error:
            raise UsageError(f"{test}: {error}") from None

    def close(self) -> None:
        """End every source that was made, and forget the kinds of workload that came with this suite."""
        for source in vars(self).get("sources", {}).values():
            source.close()
        keep(self.known)


SUITE = pytest.StashKey[Suite]()
"""The suite of a run, in its configuration."""
