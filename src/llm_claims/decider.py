"""Deciding: draw rounds from the source until the relation's interval is clear, or the budget ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from llm_claims.measurement import Measurement
from llm_claims.plan import Plan
from llm_claims.relations import Look, Relation
from llm_claims.sources.base import LiveSource, Source
from llm_claims.verdicts import Verdict

LEAST_ROUNDS = 3
"""Two degrees of freedom: the fewest rounds whose spread says anything."""


def is_live(source: Source) -> TypeGuard[LiveSource]:
    """Whether the source measures while the tests run."""
    return hasattr(source, "draw")


class Decider:
    """Turns relations into verdicts; ``rounds`` is the largest number of rounds of a live relation."""

    def __init__(self, rounds: int, plan: Callable[[LiveSource], Plan]) -> None:
        self._most = rounds
        self._least = min(LEAST_ROUNDS, rounds)
        self._plan = plan

    def decide(self, relation: Relation, source: Source) -> Verdict:
        """Judge a relation on one source.

        A live relation is looked at after the least number of rounds and after each further one,
        so the error of 5% is shared by all the looks that it may get.

        Raises
        ------
        ClaimsError
            A metric is missing, a run failed, or a witness does not match.
        """
        if not is_live(source):
            return relation.verdict(Look(documented_hardware=source.documented))
        placed = list(dict.fromkeys(m.placed for m in relation.measurements if isinstance(m, Measurement)))
        look = Look(documented_hardware=source.documented).shared_by(self._most - self._least + 1)
        source.draw(self._plan(source).companions(placed), self._least)
        verdict = relation.verdict(look)
        for rounds in range(self._least + 1, self._most + 1):
            if verdict.decided:
                break
            source.draw(placed, rounds)
            verdict = relation.verdict(look)
        return verdict
