"""Evidence from a recording."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Recording
from llm_claims.sources.base import Placed, Source, refuse_secondary, within_setting
from llm_claims.workloads.base import Workload


class RecordedSource(Source):
    """A recording, looked up by placed workload: exact matches only, never the nearest."""

    # Every recording is judged in the tier that needs nothing but this machine's processor.
    markers = ("cpu",)

    def __init__(self, recording: Recording) -> None:
        self.name = recording.name
        # What was measured on SageMaker was measured on the documented hardware, one setting at a time.
        self.documented = recording.documented or recording.on_instances
        # A document's figures are looked at once.
        self.most_rounds = 1 if recording.documented else recording.most_rounds
        self._recording = recording
        self._entries = {entry.key: entry for entry in recording.evidence}

    @property
    def measures_as(self) -> str:
        """The live source that made it; "recording" for a document's own figures."""
        return self._recording.measured_on or "recording"

    def entries(self) -> list[Evidence]:
        """All evidence of the recording."""
        return list(self._entries.values())

    @property
    def is_complete(self) -> bool:
        """Whether all was measured that was asked for when it was made."""
        return self._recording.complete

    def remarks(self) -> Iterator[str]:
        """Yield that it is incomplete, if it is."""
        if not self.is_complete:
            yield f"{self.name} is incomplete: its run left cases out, or had no time for them"

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields from the case's setting (on the document's own hardware only), then the defaults."""
        kind = workload.kind
        if kind not in self._recording.kinds:
            raise Untestable(f"{self.name} has no {kind} run")
        defaults = self._recording.defaults[kind]
        if self.documented:
            workload, on = within_setting(workload, setting, on)
        else:
            refuse_secondary(setting, self.name)
        workload, on, note = defaults.analogue(workload, on)
        workload = workload.filled(defaults.fields_for(workload))
        stand_in = not self._recording.documented and workload.starts_from_a_stand_in
        return Placed(workload, on or defaults.instance, note, stand_in=stand_in)

    def evidence(self, placed: Placed) -> Evidence:
        """Return the recorded evidence, or say that the recording has none."""
        if placed.key not in self._entries:
            raise Untestable(f"{self.name} has no run of {placed.describe()}")
        return self._entries[placed.key]
