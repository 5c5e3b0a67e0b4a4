"""Judge what documents say about training and serving LLMs, as pytest cases.

The names a claim's test needs are here; everything else lives one noun a module.
"""

from llm_claims.claims import claim
from llm_claims.measurement import Measurement
from llm_claims.quantities import Quantity, known
from llm_claims.relations import (
    equal,
    every,
    flat,
    increasing,
    less,
    observed,
    outcome,
    proportional,
    ratio,
    similar,
    unequal,
)
from llm_claims.settings import Setting, settings
from llm_claims.workloads import Generation, Loading, Training

__all__ = [
    "Generation",
    "Loading",
    "Measurement",
    "Quantity",
    "Setting",
    "Training",
    "claim",
    "equal",
    "every",
    "flat",
    "increasing",
    "known",
    "less",
    "observed",
    "outcome",
    "proportional",
    "ratio",
    "settings",
    "similar",
    "unequal",
]
