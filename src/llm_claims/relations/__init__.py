"""Relations: pure functions from evidence to a verdict. Statistics live here and nowhere else."""

from llm_claims.relations.base import Look, Relation
from llm_claims.relations.equal import equal, unequal
from llm_claims.relations.every import every
from llm_claims.relations.flat import flat
from llm_claims.relations.increasing import increasing
from llm_claims.relations.observed import observed
from llm_claims.relations.outcome import outcome
from llm_claims.relations.percentile import percentile
from llm_claims.relations.proportional import proportional
from llm_claims.relations.ratio import less, ratio
from llm_claims.relations.repeats import repeats
from llm_claims.relations.similar import similar

__all__ = [
    "Look",
    "Relation",
    "equal",
    "every",
    "flat",
    "increasing",
    "less",
    "observed",
    "outcome",
    "percentile",
    "proportional",
    "ratio",
    "repeats",
    "similar",
    "unequal",
]
