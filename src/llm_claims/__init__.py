"""Judge what documents say about training and serving LLMs, as pytest cases.

The names a claim's test needs are here, and are imported when they are first used: a program that
runs in a container imports its workload from this package, and needs no pytest for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llm_claims.document.setting import Setting as Setting
    from llm_claims.errors import Untestable as Untestable
    from llm_claims.evidence.evidence import Evidence as Evidence
    from llm_claims.evidence.evidence import Provenance as Provenance
    from llm_claims.evidence.evidence import Samples as Samples
    from llm_claims.evidence.quantities import Quantity as Quantity
    from llm_claims.evidence.quantities import known as known
    from llm_claims.judging.change import Change as Change
    from llm_claims.judging.change import ChangeDetector as ChangeDetector
    from llm_claims.judging.marks import claim as claim
    from llm_claims.judging.marks import settings as settings
    from llm_claims.judging.measurement import Measurement as Measurement
    from llm_claims.relations import equal as equal
    from llm_claims.relations import every as every
    from llm_claims.relations import flat as flat
    from llm_claims.relations import increasing as increasing
    from llm_claims.relations import less as less
    from llm_claims.relations import observed as observed
    from llm_claims.relations import outcome as outcome
    from llm_claims.relations import percentile as percentile
    from llm_claims.relations import proportional as proportional
    from llm_claims.relations import ratio as ratio
    from llm_claims.relations import repeats as repeats
    from llm_claims.relations import similar as similar
    from llm_claims.relations import unequal as unequal
    from llm_claims.sources.base import Placed as Placed
    from llm_claims.sources.base import Source as Source
    from llm_claims.workloads.base import Workload as Workload
    from llm_claims.workloads.benchmark.workload import Benchmark as Benchmark
    from llm_claims.workloads.clock import clock as clock
    from llm_claims.workloads.generation.workload import Generation as Generation
    from llm_claims.workloads.loading.workload import Loading as Loading
    from llm_claims.workloads.metric import Metric as Metric
    from llm_claims.workloads.program import UnsupportedWorkload as UnsupportedWorkload
    from llm_claims.workloads.program import serve as serve
    from llm_claims.workloads.protocol import Answer as Answer
    from llm_claims.workloads.training.workload import Training as Training
    from llm_claims.workloads.witness import Witness as Witness

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
    "claim": "judging.marks",
    "settings": "judging.marks",
    "Measurement": "judging.measurement",
    "Quantity": "evidence.quantities",
    "known": "evidence.quantities",
    "percentile": "relations",
    "Setting": "document.setting",
    "Benchmark": "workloads.benchmark.workload",
    "Generation": "workloads.generation.workload",
    "Loading": "workloads.loading.workload",
    "Training": "workloads.training.workload",
    "Workload": "workloads.base",
    "Witness": "workloads.witness",
    "Metric": "workloads.metric",
    "Answer": "workloads.protocol",
    "serve": "workloads.program",
    "clock": "workloads.clock",
    "UnsupportedWorkload": "workloads.program",
    "Source": "sources.base",
    "Placed": "sources.base",
    "Evidence": "evidence.evidence",
    "Samples": "evidence.evidence",
    "Provenance": "evidence.evidence",
    "Untestable": "errors",
    "Change": "judging.change",
    "ChangeDetector": "judging.change",
    **dict.fromkeys(RELATIONS, "relations"),
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    """Import the module that is home to ``name``."""
    if name not in _HOMES:
        raise AttributeError(f"llm_claims has no {name!r}; relations are {', '.join(RELATIONS)}")
    return getattr(import_module(f"llm_claims.{_HOMES[name]}"), name)
