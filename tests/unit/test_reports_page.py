"""docs/reports.md is made from the accepted verdicts of the bug reports: `python tests/unit/test_reports_page.py`."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/reports.md"
HEAD = """# Public bug reports, judged

What people have reported of training in low precision and under ZeRO, in our words, judged live on a CPU (two or four
ranks, gloo, a Llama of 140 thousand weights; torch 2.13, transformers 5.23, accelerate 1.15, DeepSpeed 0.19.8).

| report | it says | case | verdict | which means |
|---|---|---|---|---|
"""


def page() -> str:
    claims = tomllib.loads((ROOT / "fixtures/reports/claims.toml").read_text())["claims"]
    rows = []
    for path in sorted((ROOT / "tests/claims/reports").glob("test_*.py")):
        reasons = tomllib.loads((path.parent / "__reasons__" / f"{path.stem}.toml").read_text())
        tests = re.findall(r'@claim\("(.+?)", place="(.+?)"\)[\s\S]*?def (\w+)', path.read_text())
        for id, place, test in tests:
            for name, reason in sorted(reasons.items()):
                if name.partition("[")[0] == test:
                    case = name.partition("[")[2].rstrip("]")
                    cells = (place, claims[id]["statement"], case, reason["accepted"], reason["because"])
                    rows.append(f"| {' | '.join(cells)} |\n")
    return HEAD + "".join(rows)


def test_the_page_has_every_accepted_verdict() -> None:
    assert PAGE.read_text() == page(), "make it anew: python tests/unit/test_reports_page.py"


if __name__ == "__main__":
    PAGE.write_text(page())
