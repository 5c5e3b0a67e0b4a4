"""Make docs/findings.md and its plots: `python -m tests.findings build/report/verdicts.json`, or `make findings`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .facts import ROOT, Facts
from .page import Page

if __name__ == "__main__":
    Page(Facts.of(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))).write(ROOT / "docs")
