"""Judge what documents say about training and serving LLMs, as pytest cases.

The names a claim's test needs are here, and are imported when they are first used: a program that
runs in a container imports its workload from this package, and needs no pytest for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_claims.document.setting import Setting as Setting
    from llm_claims.document.setting import settings as settings
    from llm_claims.evidence.quantities import Quantity as Quantity
    from llm_claims.evidence.quantities import known as known
    from llm_claims.judging.marks import claim as claim
    from llm_claims.judging.measurement import Measurement as Measurement
    from llm_claims.relations import equal as equal
    from llm_claims.relations import every as every
    from llm_claims.relations import flat as flat
    from llm_claims.relations import increasing as increasing
    from llm_claims.relations import less as less
    from llm_claims.relations import observed as observed
    from llm_claims.relations import outcome as outcome
    from llm_claims.relations import proportional as proportional
    from llm_claims.relations import ratio as ratio
    from llm_claims.relations import repeats as repeats
    from llm_claims.relations import similar as similar
    from llm_claims.relations import unequal as unequal
    from llm_claims.workloads.base import Generation as Generation
    from llm_claims.workloads.base import Loading as Loading
    from llm_claims.workloads.base import Training as Training

RELATIONS = (
    "equal",
    "every",
    "flat",
    "increasing",
    "less",
    "observed",
    "outcome",
    "proportional",
    "ratio",
    "repeats",
    "similar",
    "unequal",
)
_HOMES = {
    "claim": "claims",
    "Measurement": "measurement",
    "Quantity": "quantities",
    "known": "quantities",
    "Setting": "setting",
    "settings": "setting",
    "Generation": "workloads",
    "Loading": "workloads",
    "Training": "workloads",
    **dict.fromkeys(RELATIONS, "relations"),
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    """Import the module that is home to ``name``."""
    if name not in _HOMES:
        raise AttributeError(f"llm_claims has no {name!r}; relations are {', '.join(RELATIONS)}")
    return getattr(import_module(f"llm_claims.{_HOMES[name]}"), name)
