"""Decide a relation: draw rounds until its interval is clear, or no more are allowed."""

from __future__ import annotations

from collections.abc import Callable

from llm_claims.errors import Untestable
from llm_claims.judging.measurement import Measurement, metrics_read
from llm_claims.judging.plan import Plan
from llm_claims.relations import Look, Relation
from llm_claims.relations.verdict import Verdict
from llm_claims.sources.base import Source

LEAST_ROUNDS = 3
"""Two degrees of freedom: the fewest rounds whose spread says anything."""


class Decider:
    """Turns relations into verdicts; ``rounds`` is the largest number of rounds of a live relation."""

    def __init__(self, rounds: int, plan: Callable[[Source], Plan]) -> None:
        self._rounds = rounds
        self._plan = plan

    def decide(self, relation: Relation, source: Source, seeds: int | None = None) -> Verdict:
        """Judge a relation on one source.

        A live relation is judged after the least number of rounds, and again after each further one that the source has
        time for. All looks that it may get share the error of 5%. A recording that was made in this way is judged with
        the same share. With ``seeds`` there are that many rounds, and one look.

        Raises
        ------
        ClaimsError
            A metric is missing, a run failed, or a witness does not match.
        Untestable
            The figures that the relation compares are of two occasions of a merged recording.
        """
        compared = [m for m in relation.measurements if isinstance(m, Measurement)]
        documented = source.documented and not any(m.placed.stand_in for m in compared)
        least, most = self._bounds(relation, compared, seeds, source)
        look = Look(documented_hardware=documented).shared_by(most - least + 1)
        if not source.live:
            return _recorded_verdict(relation, source, compared, look)
        self._draw(source, relation, compared, least, companions=True)
        verdict = relation.verdict(look)
        for rounds in range(least + 1, most + 1):
            if verdict.decided or not source.has_time_for(
                [m.placed for m in compared], rounds, self._plan(source).placed
            ):
                break
            self._draw(source, relation, compared, rounds, companions=False)
            verdict = relation.verdict(look)
        return verdict

    def _bounds(
        self, relation: Relation, compared: list[Measurement], seeds: int | None, source: Source
    ) -> tuple[int, int]:
        """The least and the most rounds: one where nothing varies, and of a recording those it was made with."""
        if seeds is not None:
            return seeds, seeds
        if compared and not any(metric.varies for metric in metrics_read(relation)):
            return 1, 1
        most = source.most_rounds or self._rounds
        return min(LEAST_ROUNDS, most), most

    def _draw(
        self, source: Source, relation: Relation, compared: list[Measurement], rounds: int, *, companions: bool
    ) -> None:
        plan = self._plan(source)
        placed = list(dict.fromkeys(m.placed for m in compared))
        # Timed comparisons share their passes, even those that were not planned.
        timed_here = any(metric.timed for metric in metrics_read(relation))
        timed = [one for one in placed if timed_here or plan.is_timed(one)]
        if timed:
            source.draw(plan.companions(timed) if companions else timed, rounds, timed=True)
        others = [one for one in placed if one not in timed]
        if others or not timed:
            source.draw(others, rounds, timed=False)


def _recorded_verdict(relation: Relation, source: Source, compared: list[Measurement], look: Look) -> Verdict:
    """Judge a recording; figures of two occasions were not interleaved, and are not compared."""
    reading = {m for m, _ in relation.reads}
    occasions = {source.evidence(m.placed).occasion for m in compared if m in reading}
    if len(occasions) > 1:
        raise Untestable(
            f"{source.name} has these from {len(occasions)} occasions: they were not measured side by side"
        )
    return relation.verdict(look)
