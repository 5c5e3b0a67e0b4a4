"""Evidence from a recording."""

from __future__ import annotations

from llm_claims.document.setting import Setting
from llm_claims.errors import Untestable
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Recording
from llm_claims.sources.base import Placed, SourceKind, is_stand_in, refuse_secondary
from llm_claims.workloads.base import Workload


class RecordedSource:
    """A recording, looked up by placed workload: exact matches only, never the nearest."""

    kind: SourceKind = "recording"
    always_here = True

    def __init__(self, recording: Recording) -> None:
        self.name = recording.name
        # What was measured on SageMaker was measured on the documented hardware, one setting at a time.
        self.documented = recording.documented or recording.measured_on == "sagemaker"
        # A document's figures are looked at once.
        self.most_rounds = 1 if recording.documented else recording.most_rounds
        self.measures_as: SourceKind = recording.measured_on or "recording"
        self._reference = recording.reference
        self._kinds = recording.kinds
        self._entries = {Placed(entry.workload, entry.instance_type).key: entry for entry in recording.evidence}

    @property
    def entries(self) -> list[Evidence]:
        """All evidence of the recording."""
        return list(self._entries.values())

    def place(self, workload: Workload, setting: Setting | None, on: str | None) -> Placed:
        """Fill open fields from the case's setting (on the document's own hardware only), then the reference."""
        kind = workload.kind
        if kind not in self._kinds:
            raise Untestable(f"{self.name} has no {kind} run")
        instance = on
        if self.documented and setting is not None:
            known = type(workload).model_fields
            held = {name: value for name, value in setting.fields().items() if name in known}
            workload = workload.filled(held)
            instance = on or setting.instance
        else:
            refuse_secondary(setting, self.name)
        workload, instance, note = self._reference.analogue(workload, instance)
        workload = workload.filled(self._reference.fields(workload))
        stand_in = self.measures_as != "recording" and is_stand_in(workload)
        return Placed(workload, instance or self._reference.instance(kind), note, stand_in=stand_in)

    def evidence(self, placed: Placed) -> Evidence:
        """Return the recorded evidence, or say that the recording has none."""
        if placed.key not in self._entries:
            raise Untestable(f"{self.name} has no run of {placed.describe()}")
        return self._entries[placed.key]
