"""The published JSON Schemas of every file that llm-claims reads or writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from llm_claims.document.files import write_atomically
from llm_claims.document.instances import InstanceTable
from llm_claims.document.register import Register
from llm_claims.evidence.evidence import Evidence
from llm_claims.evidence.recordings import Recording
from llm_claims.judging.history.night import Line
from llm_claims.judging.rows import FigureList, VerdictList
from llm_claims.workloads.registry import AnyWorkload

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PUBLISHED: dict[str, Any] = {
    "workload": AnyWorkload,
    "evidence": Evidence,
    "recording": Recording,
    "register": Register,
    "instances": InstanceTable,
    "verdicts": VerdictList,
    "figures": FigureList,
    "history-line": Line,
}


def schema_texts() -> dict[str, str]:
    """Return each schema's text by file name, as it is published."""
    return {
        f"{name}.schema.json": json.dumps({"$schema": DIALECT, **TypeAdapter(model).json_schema()}, indent=1) + "\n"
        for name, model in PUBLISHED.items()
    }


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into ``folder``; return the paths.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    written = []
    for name, text in schema_texts().items():
        write_atomically(folder / name, text)
        written.append(folder / name)
    return written
