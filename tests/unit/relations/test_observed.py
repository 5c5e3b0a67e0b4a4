"""`observed`: a number without a pass mark."""

from __future__ import annotations

import pytest
from builders import DOCUMENTED, T_975, exact, live, span

from llm_claims.evidence.quantities import Quantity
from llm_claims.relations import Look, observed
from llm_claims.relations.verdict import Word

CASES = [
    (exact(2), exact(1), 2.0),
    (exact(1), exact(2), 0.5),
    (live(2.0, 2.0, 2.0), live(1.0, 1.0, 1.0), 2.0),
    (live(2.0), live(1.0), 2.0),
]


@pytest.mark.parametrize("look", [Look(), DOCUMENTED], ids=["elsewhere", "documented"])
@pytest.mark.parametrize(("quantity", "over", "effect"), CASES)
def test_an_observation_never_passes(quantity: Quantity, over: Quantity, effect: float, look: Look) -> None:
    verdict = observed(quantity, over=over).verdict(look)
    assert verdict.word is Word.INCONCLUSIVE
    assert verdict.effect == pytest.approx(effect)
    assert verdict.reason == "the document states no size: an observation, without a pass mark"


def test_an_observation_has_its_interval() -> None:
    verdict = observed(live(1.0, 2.0, 4.0), over=live(1.0, 1.0, 1.0)).verdict()
    assert span(verdict)[1] == pytest.approx(2 * 2 ** (T_975[2] / 3**0.5), rel=1e-5)
    assert verdict.n == 3
