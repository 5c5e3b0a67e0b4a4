"""Decide a relation: draw rounds until its interval is clear, or its share of time has ended."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from llm_claims.errors import UnpairedError, Untestable
from llm_claims.judging.accepted import accepted_line
from llm_claims.judging.measurement import Measurement, check_timed, metrics_read
from llm_claims.judging.plan import Plan
from llm_claims.relations import Look, Relation
from llm_claims.relations.boundary import FIRST, looks
from llm_claims.relations.spread import Spreads
from llm_claims.relations.verdict import Verdict, Word
from llm_claims.sources.base import Placed, Source
from llm_claims.workloads.shown import count

ERROR = 0.01
"""Chance that all looks at a relation together decide wrongly; and that any live case of a run seems changed."""
AT_ANY_COST = 5
"""Rounds that an open relation may have whatever they cost, unless a sampling time is stated: three alone, without a
spread that is shared, have an interval of twelve standard deviations to either side."""

ROUNDS_OF_A_CHANGE = 8
"""A change is drawn so often, if there is time: where timings have two humps, both sides of every round lie in one hump
each, and not the same, in 3% of runs after three rounds, and in 0.003% after eight."""

_SAMPLING_TIME = "its sampling time ended after {}: --sampling-time SECONDS allows more"
_TIME_BUDGET = "its share of the time budget ended after {}: --time-budget SECONDS allows more"
_ROUNDS = "it had {}, the most of this run: --rounds N allows more"
_SEEDS = "it had {}, as many as its test states: judge(..., seeds=N) allows more"
_OPEN_ALWAYS = {"observed", "outcome"}
"""Relations that no number of rounds decides where they are open."""


class Decider:
    """Turns relations into verdicts.

    Parameters
    ----------
    rounds
        The most rounds of a live relation; ``None`` where time alone bounds them.
    plan
        What the selected cases of a live source need.
    sampling_seconds
        How long a relation may draw rounds after the first; by default as long as the first took with its
        programs' start, or five rounds.
    cases
        Returns the number of live cases of this run, which share the error of a change.
    """

    def __init__(
        self,
        rounds: int | None,
        plan: Callable[[Source], Plan],
        *,
        sampling_seconds: float | None = None,
        cases: Callable[[], int] = lambda: 1,
    ) -> None:
        self._rounds = rounds
        self._plan = plan
        self._sampling_seconds = sampling_seconds
        self._cases = cases

    def decide(
        self, relation: Relation, source: Source, seeds: int | None = None, accepted: str | None = None
    ) -> Verdict:
        """Judge a relation on one source.

        A live relation is judged after three rounds, and again after each further batch that it has time for. All looks
        together keep the error (`boundary`). A recording is judged at the look that its rounds have reached; one that
        was looked at once, and a stated number of ``seeds``, have the whole error for that look. A verdict other than
        the ``accepted`` line counts only if it is sure enough for all live cases of the run.

        Raises
        ------
        ClaimsError
            A metric is missing, a run failed, or a witness does not match.
        Untestable
            The figures that the relation compares are of two occasions of a merged recording, or times that it
            compares mean nothing on this source.
        """
        check_timed(relation)
        compared = [m for m in relation.measurements if isinstance(m, Measurement)]
        documented = source.documented and not any(m.placed.stand_in for m in compared)
        most = self._most_rounds(relation, compared, seeds, source)
        rounds = most if seeds is not None else min(FIRST, most)
        look = Look(1 - ERROR, documented, sequential=most > rounds)
        if not source.live:
            return _recorded_verdict(relation, source, compared, replace(look, spreads=_spreads_of(source)))
        self._draw(source, relation, compared, int(rounds), companions=True)
        verdict = self._look(relation, look, source, accepted)
        while not verdict.decided or (rounds < ROUNDS_OF_A_CHANGE and _differs(verdict, accepted)):
            batch = self._next(source, [m.placed for m in compared], rounds, most, seeds)
            if isinstance(batch, str):
                return _told(verdict, relation, compared, int(rounds), batch)
            rounds = batch
            self._draw(source, relation, compared, batch, companions=False)
            verdict = self._look(relation, look, source, accepted)
        return verdict

    def _most_rounds(self, relation: Relation, compared: list[Measurement], seeds: int | None, source: Source) -> float:
        """The most rounds: one where nothing varies, and of a recording those it was made with."""
        if seeds is not None:
            return min(seeds, self._rounds or seeds)
        if compared and not any(metric.varies for metric in metrics_read(relation)):
            return 1
        return source.most_rounds or self._rounds or math.inf

    def _next(self, source: Source, placed: list[Placed], rounds: float, most: float, seeds: int | None) -> int | str:
        """Return the number of rounds of the next look, or what there is to say if there is none."""
        cost, ended = source.cost(placed), _SEEDS if most == seeds != self._rounds else _ROUNDS
        if cost is None:
            most = most if most < math.inf else AT_ANY_COST
        elif rounds < most:
            stated = self._sampling_seconds
            in_time = max(AT_ANY_COST, cost.rounds_in(cost.first)) if stated is None else cost.rounds_in(stated)
            if in_time < most:
                most, ended = in_time, _SAMPLING_TIME
        wanted = int(min(next(number for number in looks() if number > rounds), most))
        if not source.has_time_for(placed, max(wanted, int(rounds)), self._plan(source).placed):
            return _TIME_BUDGET
        return wanted if wanted > rounds else ended

    def _look(self, relation: Relation, look: Look, source: Source, accepted: str | None) -> Verdict:
        """Judge what there is now; what differs from the accepted verdict at the error that all live cases share."""
        look = replace(look, spreads=Spreads(source.entries))
        verdict = relation.verdict(look)
        if not _differs(verdict, accepted):
            return verdict
        line = accepted_line(verdict, live=True)
        sure = relation.verdict(look.shared_by(self._cases()))
        if accepted_line(sure, live=True) == line:
            return sure
        reason = (
            f"{line}, which differs from {accepted}, the accepted verdict, but not surely enough: "
            f"{self._cases()} live cases share the error of {ERROR:.0%}"
        )
        return verdict.model_copy(update={"word": Word.INCONCLUSIVE, "reason": reason})

    def _draw(
        self, source: Source, relation: Relation, compared: list[Measurement], rounds: int, *, companions: bool
    ) -> None:
        plan, read = self._plan(source), metrics_read(relation)
        placed = list(dict.fromkeys(m.placed for m in compared))
        # What was not planned joins here; where nothing varies, nothing is paired.
        if any(one.timed for one in read) or (any(one.varies for one in read) and any(map(plan.is_timed, placed))):
            plan.add(placed)
        timed = [one for one in placed if plan.is_timed(one)]
        if timed:
            source.draw(plan.companions(timed) if companions else timed, rounds, timed=True)
        others = [one for one in placed if one not in timed]
        if others or not timed:
            source.draw(others, rounds, timed=False)


def _told(verdict: Verdict, relation: Relation, compared: list[Measurement], rounds: int, ended: str) -> Verdict:
    """Let a verdict that is open for lack of rounds say what ended them, and which option gives it more."""
    grows = any(one.varies and not one.several for one in metrics_read(relation))
    # Of several parts, the verdict is on the gravest; one that has fewer values than there were rounds gains by none.
    grows = grows and (verdict.n >= rounds or ended == _TIME_BUDGET)
    once = any(m.workload.fixed_seed is not None for m in compared)
    if verdict.decided or verdict.relation in _OPEN_ALWAYS or once or not grows:
        return verdict
    had = count(min(verdict.n, rounds), "round")
    return verdict.model_copy(update={"reason": f"{verdict.reason}; {ended.format(had)}"})


def _differs(verdict: Verdict, accepted: str | None) -> bool:
    return verdict.decided and accepted not in (None, accepted_line(verdict, live=True))


@lru_cache(maxsize=32)
def _spreads_of(source: Source) -> Spreads:
    """The shared spreads of a recording, which does not change."""
    return Spreads(source.entries)


def _recorded_verdict(relation: Relation, source: Source, compared: list[Measurement], look: Look) -> Verdict:
    """Judge a recording; figures of two occasions were not interleaved, and are not compared."""
    reading = {m for m, _ in relation.reads}
    occasions = {source.evidence(m.placed).occasion for m in compared if m in reading}
    if len(occasions) > 1:
        raise Untestable(
            f"{source.name} has these from {len(occasions)} occasions: they were not measured side by side"
        )
    try:
        return relation.verdict(look)
    except UnpairedError:
        raise Untestable(
            f"{source.name} has these from different passes: they were not measured side by side"
        ) from None
