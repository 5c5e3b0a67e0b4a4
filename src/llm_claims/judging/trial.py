"""A trial: one case of one claim on one source, from the first measurement to the pytest outcome."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NoReturn

import pytest

from llm_claims.document.instances import InstanceTable, bare
from llm_claims.document.setting import Setting
from llm_claims.errors import EvidenceError, Untestable
from llm_claims.judging.accepted import UNTESTABLE, AcceptedVerdict, accepted_line
from llm_claims.judging.decider import Decider
from llm_claims.judging.history.tonight import History
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.rows import FigureChange, FigureRow, VerdictRow
from llm_claims.relations import Relation
from llm_claims.relations import __all__ as relation_names
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads.base import Workload

EMULATED = "ran end to end on the emulator; not evidence"


@dataclass
class Trial:
    """What a claim's test is given as ``measure`` and ``judge``.

    ``ended`` says that the test's body is over; ``conclusion`` is the skip or xfail that its verdict raised, if it did.
    """

    claim: str
    case: str
    source: Source
    decider: Decider
    untestable: str | None
    instances: Callable[[], InstanceTable]
    read_accepted: Callable[[], str | None] = lambda: None
    verdict: Verdict | None = None
    test: str = ""
    place: str = ""
    ended: bool = False
    conclusion: BaseException | None = None
    _accepted: str | None = None
    _because: str = ""
    _line: str | None = None
    history: History | None = None
    _changes: tuple[FigureChange, ...] = ()
    _measured: list[tuple[Placed, set[str]]] = field(default_factory=list)

    def measure(self, workload: Workload, setting: Setting | None = None, *, on: str | None = None) -> Measurement:
        """Bind a workload to this trial's source; nothing runs before a relation asks for samples.

        Raises
        ------
        Untestable
            The source cannot measure it.
        UsageError
            The instance table has no such instance type.
        """
        for instance in (on, setting and setting.instance):
            if instance:
                self.instances()[instance]
        if self.untestable:
            raise Untestable(self.untestable)
        placed = self.source.place(workload, setting, on and bare(on))
        figures: set[str] = set()
        self._measured.append((placed, figures))
        return Measurement(self.source, placed, figures.add)

    def judge(self, relation: Relation, *, seeds: int | None = None) -> None:
        """Decide the relation; once a trial. ``seeds`` is the number of seeds that live training takes.

        Raises
        ------
        EvidenceError
            ``relation`` is none, or the trial has its verdict already.
        """
        if not isinstance(relation, Relation):
            known = ", ".join(name for name in relation_names if name.islower())
            raise EvidenceError(f"judge() takes a relation ({known}), not {relation!r}")
        if self.verdict is not None:
            raise EvidenceError("judge() was called twice: join relations with every(), or parametrize the test")
        accepted = self.read_accepted() if self.source.live else None
        self.verdict = self.decider.decide(relation, self.source, seeds, accepted)

    def fail(self, reason: str) -> None:
        """Record an error: the case has no verdict that counts, whatever was judged before."""
        self.verdict = Verdict(word=Word.ERROR, relation="none", reason=reason)

    def give_up(self, reason: str) -> None:
        """Record that the source cannot measure this case."""
        self.verdict = Verdict(word=Word.UNTESTABLE, relation="none", reason=reason)

    def leave_open(self, reason: str) -> None:
        """Record that the source could not measure this case now; that says nothing of the claim."""
        self.verdict = Verdict(word=Word.INCONCLUSIVE, relation="none", reason=reason)

    @property
    def _emulated(self) -> bool:
        """Whether the verdict was computed from an emulator's figures, which are no evidence."""
        said = self.verdict is not None and self.verdict.word not in (Word.ERROR, Word.UNTESTABLE)
        return said and self.source.emulated

    def row(self) -> VerdictRow:
        """The trial's row in the reports."""
        verdict = self.verdict or Verdict(word=Word.ERROR, relation="none", reason="the test judged nothing")
        if self._emulated:
            said = self._spoken(verdict)
            verdict = Verdict(word=Word.UNTESTABLE, relation="none", reason=f"{EMULATED} ({said})")
        interval = (verdict.interval.lower, verdict.interval.upper) if verdict.interval else None
        return VerdictRow(
            claim=self.claim,
            case=self.case,
            source=self.source.name,
            verdict=verdict.word,
            effect=verdict.effect,
            interval=interval,
            n=verdict.n,
            unit=verdict.unit,
            smallest=verdict.interval.smallest_difference if verdict.interval else None,
            reason=verdict.reason,
            spread=verdict.spread,
            note=self._note,
            test=self.test,
            place=self.place,
            accepted=self._accepted,
            because=self._because,
            changes=self._changes,
            line=self._line,
        )

    def figures(self) -> list[FigureRow]:
        """The figures that the verdict stands on."""
        return [
            FigureRow(
                claim=self.claim,
                case=self.case,
                source=self.source.name,
                workload=replace(placed, asked=None).describe(),
                key=placed.key,
                metric=metric,
            )
            for placed, figures in self._measured
            for metric in sorted(figures)
        ]

    @property
    def label(self) -> str:
        """The trial's name in messages."""
        return f"{self.claim}{f' [{self.case}]' if self.case else ''} on {self.source.name}"

    def conclude(self, accepted: AcceptedVerdict, *, strict: bool) -> None:
        """Turn the verdict into a pytest outcome: pass, skip, xfail or fail (see docs/verdicts.md)."""
        verdict = self.verdict
        if verdict is None or verdict.word is Word.ERROR:
            pytest.fail(f"{self.label}: {self.row().reason}", pytrace=False)
        if self._emulated:
            return
        live, self._accepted, self._because = self.source.live, accepted.read(), accepted.because()
        if verdict.word is Word.UNTESTABLE:
            self._conclude_untestable(verdict, accepted)
        self._compare_with_nights()
        if verdict.word is Word.INCONCLUSIVE and live:
            self._fail_if_changed(accepted)
            self._conclude_inconclusive(verdict, strict=strict)
        self._compare(accepted, accepted_line(verdict, live=live), self._spoken(verdict))
        self._fail_if_changed(accepted)
        said = f"{'accepted' if self._accepted else 'not accepted yet'}: {self._spoken(verdict)}"
        if verdict.word is Word.CONTRADICTED:
            # What pytest.xfail() raises, without the traceback that it would format for each: tens of milliseconds.
            raise pytest.xfail.Exception(said, pytrace=False)
        if verdict.word is Word.INCONCLUSIVE:
            pytest.skip(said)

    def _conclude_inconclusive(self, verdict: Verdict, *, strict: bool) -> NoReturn:
        if strict:
            pytest.fail(f"{self.label}: {self._spoken(verdict)}", pytrace=False)
        pytest.skip(self._spoken(verdict))

    def _conclude_untestable(self, verdict: Verdict, accepted: AcceptedVerdict) -> None:
        """Compare with the accepted verdict where every machine has the source; skip the case otherwise."""
        if self.source.always_here and self._accepted not in (None, UNTESTABLE):
            self._compare(accepted, UNTESTABLE, f"untestable: {verdict.reason}")
        pytest.skip(f"untestable: {verdict.reason}")

    def _compare(self, accepted: AcceptedVerdict, line: str, spoken: str) -> None:
        """Fail where the verdict departs from the accepted one; a new one fails no test, and is told in the end."""
        self._line = line
        if not accepted.agrees(line) and self._accepted is not None:
            how = shlex.join(["llm-claims", "review", "--accept", self.row().address, "--because", "WHY"])
            pytest.fail(
                f"{self.label}: {self._accepted} → {spoken}\nReview it; if it is right, accept it: {how}", pytrace=False
            )

    def _compare_with_nights(self) -> None:
        """Note which figures have changed since earlier nights."""
        if self.history is None or not self.source.live:
            return
        for placed, figures in self._measured:
            self._changes += tuple(self.history.changes(self.source.name, self.source.evidence(placed), figures))

    def _fail_if_changed(self, accepted: AcceptedVerdict) -> None:
        if self._changes and self.history is not None and accepted.update != "all":
            how = f"llm-claims history {self.history.path} --accept METRIC@KEY --because WHY"
            told = [change.told for change in self._changes]
            pytest.fail("\n".join((f"{self.label}: changed", *told, f"If it is right: {how}")), pytrace=False)

    @property
    def _note(self) -> str:
        return "; ".join(dict.fromkeys(placed.note for placed, _ in self._measured if placed.note))

    def _spoken(self, verdict: Verdict) -> str:
        asides = "; ".join(filter(None, (verdict.reason, verdict.spread, self._note)))
        return f"{verdict}, n={verdict.n}" + (f" ({asides})" if asides else "")


TRIAL = pytest.StashKey[Trial]()
"""The trial of an item, once its fixtures are made."""
