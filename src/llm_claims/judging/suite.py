"""The suite: a document's register and recordings, and the sources that judge its claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import pytest

from llm_claims.document.instances import InstanceTable, read_instances
from llm_claims.document.register import Register, read_register
from llm_claims.errors import ClaimsError, UsageError
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import LIVE_SOURCES, Recording, read_recordings
from llm_claims.judging.rehearsal import rehearsed_needs
from llm_claims.options import ALL, LOCAL, Options
from llm_claims.report.progress import ProgressLine
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.prices import Prices, live_prices
from llm_claims.sagemaker.source import SageMakerSource
from llm_claims.sagemaker.stacks import LOCAL as LOCAL_STACK
from llm_claims.sagemaker.stacks import STACKS
from llm_claims.sagemaker.workplace import Workplace
from llm_claims.sources.base import Source
from llm_claims.sources.gpu import GpuPlatform
from llm_claims.sources.local import LocalSource
from llm_claims.sources.needs import Need
from llm_claims.sources.platform import CpuPlatform, Platform
from llm_claims.sources.recorded import RecordedSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.sources.unavailable import UnavailableSource

NO_INSTANCE = "measures on AWS, at a cost: pass --instance TYPE for what may be launched, and --plan to see it first"


@dataclass
class Suite:
    """Everything that the trials of one run share; ``remarks`` are what its report has to say of the run."""

    options: Options
    store: EvidenceStore
    progress: ProgressLine
    remarks: list[str] = field(default_factory=list)
    cloud_run: str | None = None

    @cached_property
    def register(self) -> Register:
        """The claims of the document."""
        return read_register(self.options.register)

    @cached_property
    def instances(self) -> InstanceTable:
        """The known instance types."""
        return read_instances(self.options.fixtures / "instances.json")

    @cached_property
    def sources(self) -> dict[str, Source]:
        """Every source by name, recordings first."""
        files = self.options.recordings or tuple(sorted((self.options.fixtures / "recordings").glob("*.json")))
        recordings = read_recordings(files)
        self.remarks += [
            f"{one.name} is incomplete: not all was measured that was asked for"
            for one in recordings
            if not one.complete
        ]
        recorded: list[Source] = [RecordedSource(recording) for recording in recordings]
        live: list[Source] = [
            self._local(CpuPlatform(), self.options.cpu_program),
            self._local(GpuPlatform(), self.options.gpu_program),
            self._sagemaker(),
        ]
        found = {source.name: source for source in (*recorded, *live)}
        if len(found) != len(recorded) + len(live):
            raise UsageError(f"a recording is named like a live source ({', '.join(LIVE_SOURCES)}): change its `name`")
        return found

    def _local(self, platform: Platform, program: tuple[str, ...]) -> Source:
        return LocalSource(
            platform,
            self.store,
            progress=self.progress.of(platform.name),
            programs=dict.fromkeys(platform.programs, program) if program else None,
            commit=_commit(self.options.fixtures),
            sample_timeout=self.options.sample_timeout,
            most_rounds=self.options.rounds,
            time_budget=self.options.time_budget,
        )

    def _sagemaker(self) -> Source:
        options = self.options
        if not options.instances:
            return UnavailableSource("sagemaker", NO_INSTANCE)
        return SageMakerSource(
            self.store,
            instances=self.instance_types,
            stack=self.workplace.stack,
            table=self.instances,
            workplace=self.workplace,
            emulated=options.emulated,
            most_rounds=options.rounds,
            budget_usd=options.budget,
            commit=_commit(options.fixtures),
            progress=self.progress.of("sagemaker"),
            prices=self._prices(),
        )

    @property
    def instance_types(self) -> frozenset[str]:
        """The types that may be launched, without their prefix."""
        given = {name.removeprefix("ml.") for name in self.options.instances}
        return frozenset(self.instances.instances) if ALL in given else frozenset(given - {LOCAL})

    @cached_property
    def workplace(self) -> Workplace:
        """Where this run launches. Nothing is asked of AWS before something is launched, or checked for it."""
        options = self.options
        # Who started this run may have named it, so as to sweep it whatever becomes of it.
        named = RunId(self.cloud_run) if self.cloud_run else RunId.of_environment()
        run = named or RunId.new(datetime.now(UTC))
        self.cloud_run = run.text
        stack = LOCAL_STACK if LOCAL in options.instances else STACKS[options.stack]
        return Workplace(run, stack, emulated=LOCAL in options.instances)

    def _prices(self) -> Prices:
        if not self.options.live_prices:
            return Prices(self.instances, free=self.options.emulated)
        return Prices(self.instances, live_prices(self.workplace.account, tuple(sorted(self.instance_types))))

    def needs(self, items: Iterable[pytest.Item], source: Source) -> list[Need]:
        """What the selected cases of a source are going to ask; without claims that it cannot measure at all."""
        refused = frozenset(id for id in self.register.claims if self.untestable(id, source))
        return rehearsed_needs(items, source, refused, {"instances": self.instances})

    def evidence_of(self, name: str) -> list[Evidence]:
        """All evidence of a source: a recording's, or what a live one has measured in this run."""
        source = self.sources[name]
        return source.entries if isinstance(source, RecordedSource) else self.store.of_source(name)

    def spent(self) -> Iterator[str]:
        """Yield how long each live source of this machine measured, and how much of that was not waiting."""
        for name in LIVE_SOURCES:
            if times := self.store.busy(name):
                whole, busy = times
                yield f"{name}: measured for {whole:.0f} s, {busy / whole:.0%} of it within runs and their set-up"

    def untestable(self, claim: str, source: Source) -> str | None:
        """The register's reason why ``source`` cannot measure ``claim``, if there is one."""
        reasons = self.register[claim].untestable
        return reasons.get(source.name) or reasons.get(source.measures_as)

    @cached_property
    def fault(self) -> ClaimsError | None:
        """What is wrong with the options, the register, the instance table or a recording, if anything is."""
        try:
            for claim in self.options.claims:
                self.register[claim]
            for instance in self.options.instances:
                if instance not in (LOCAL, ALL):
                    self.instances[instance]
            self._read()
        except ClaimsError as error:
            return error
        return None

    def _read(self) -> None:
        """Read every file now: each is kept from then on."""
        _ = self.register, self.instances, self.sources

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
        """Make sure that the claim a test names is in the register.

        Raises
        ------
        UsageError
            It is not; the text names the test and the nearest ids.
        """
        try:
            self.register[id]
        except UsageError as error:
            raise UsageError(f"{test}: {error}") from None

    def close(self) -> None:
        """End every live source."""
        for source in self.__dict__.get("sources", {}).values():
            if hasattr(source, "close"):
                source.close()


def recording_of(suite: Suite, name: str, *, complete: bool) -> Recording | None:
    """Return what this run measured live as a recording, or ``None`` if it measured nothing.

    Raises
    ------
    UsageError
        Several live sources measured: a recording is of one.
    """
    live = [source for source in suite.sources.values() if isinstance(source, LocalSource | SageMakerSource)]
    found = {source: evidence for source in live if (evidence := suite.store.of_source(source.name))}
    if len(found) > 1:
        raise UsageError(f"{', '.join(source.name for source in found)} measured: record one source a run, with -m")
    for source, evidence in found.items():
        return Recording(
            name=name,
            title=f"Recorded live on {evidence[0].provenance.hardware}",
            recorded=max(entry.provenance.date for entry in evidence),
            measured_on=source.kind if source.kind != "recording" else None,
            most_rounds=suite.options.rounds,
            complete=complete and not suite.store.is_out_of_time(source.name),
            devices=source.devices() if isinstance(source, LocalSource) else None,
            reference=source.reference,
            evidence=tuple(evidence),
        )
    return None


def _commit(folder: Path) -> str | None:
    """The commit that is checked out, read from git's own files: no process is started for it."""
    for parent in (folder, *folder.parents):
        head = parent / ".git" / "HEAD"
        if head.is_file():
            text = head.read_text(encoding="utf-8").strip()
            reference = parent / ".git" / text.removeprefix("ref: ")
            if not text.startswith("ref: "):
                return text
            return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None
    return None
