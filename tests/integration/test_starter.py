"""``llm-claims init`` and ``add``: from nothing to a verdict, without a failing run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_claims import cli
from llm_claims.workloads.registry import keep, kinds

LONGER = [
    *("add", "longer-inputs", "--statement", "Longer prompts take longer.", "--place", "table 2"),
    *("--figure", "generation(input_tokens=10, new_tokens=64).latency_seconds=2.36"),
    *("--figure", "generation(input_tokens=750, new_tokens=64).latency_seconds=2.81"),
]


@pytest.fixture
def begun(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A suite that was just begun; its kind of workload is forgotten with it."""
    known = kinds()
    monkeypatch.setenv("LLM_CLAIMS_LOCK", str(pytester.path / "timing.lock"))
    assert cli.main(["init", "my"]) == 0
    monkeypatch.chdir(pytester.path / "my")
    yield pytester.path / "my"
    keep(known)
    sys.modules.pop("sorting", None)


def test_its_first_run_judges_both_claims_on_both_sources(begun: Path, pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("-m", "cpu", timeout=60)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(
        ["timsort-beats-heapsort  ✓ ×3.88 *", "*that nobody has accepted yet: llm-claims review"]
    )
    rows = json.loads((begun / "report/verdicts.json").read_text())
    live = {row["claim"]: row["verdict"] for row in rows if row["source"] == "cpu"}
    # A busy machine may not tell within a second; it never tells otherwise.
    assert set(live) == {"timsort-beats-heapsort", "rates-fall-with-size"}
    assert set(live.values()) <= {"reproduced", "inconclusive"}


def test_a_claim_of_ones_own_is_judged_on_its_figures(
    begun: Path, pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(LONGER) == 0
    assert "edit it, then: pytest tests/test_longer_inputs.py" in capsys.readouterr().out
    result = pytester.runpytest_subprocess("-m", "cpu and not live", timeout=60)
    result.assert_outcomes(passed=2, skipped=4, deselected=9)
    result.stdout.fnmatch_lines(["longer-inputs           ✓ ×1.19 ·"])
    entry = json.loads((begun / "fixtures/recordings/document.json").read_text())["evidence"][0]
    assert entry["metrics"]["latency_seconds"]["resolution"] == 0.01


def test_further_figures_join_the_recording(begun: Path) -> None:
    assert cli.main(LONGER) == 0
    more = ["add", "rate", "--statement", "It serves.", "--place", "text", "--figure"]
    assert cli.main([*more, "generation(input_tokens=10, new_tokens=64).requests_per_second=0.4"]) == 0
    first, _ = json.loads((begun / "fixtures/recordings/document.json").read_text())["evidence"]
    assert set(first["metrics"]) == {"latency_seconds", "requests_per_second"}
    text = (begun / "tests/test_rate.py").read_text()
    assert 'judge(equal(first.requests_per_second, known(0.4, "requests/s")))' in text


def test_a_figure_of_ones_own_kind(begun: Path) -> None:
    figure = "sorting(elements=7).elements_per_second=2e5"
    given = ["add", "small", "--kind", "sorting:Sorting", "--statement", "It's quick.", "--place", "the 'end'"]
    assert cli.main([*given, "--figure", figure]) == 0
    assert (begun / "tests/test_small.py").read_text().startswith("from sorting import Sorting\n")
    compile((begun / "tests/test_small.py").read_text(), "test_small.py", "exec")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init", "."], "there already, and never overwritten: choose another folder"),
        ([*LONGER[:1], "rates-fall-with-size", *LONGER[2:]], "rates-fall-with-size: there is a claim of this id"),
        ([*LONGER[:1], "Longer Inputs", *LONGER[2:]], "an id has lower-case words and hyphens"),
        (["add", "longer-inputs"], "say the claim, in your own words: --statement TEXT"),
        ([*LONGER, "--figure", "latency=3"], "--figure latency=3: write KIND(FIELD=VALUE, …).METRIC=NUMBER, such as "),
        ([*LONGER, "--figure", "generatoin().latency_seconds=3"], "did you mean 'generation'?"),
        ([*LONGER, "--figure", "generation().latency_second=3"], "did you mean 'latency_seconds'?"),
        ([*LONGER, "--figure", "generation(tokens=3).latency_seconds=3"], "tokens: Extra inputs are not permitted"),
        ([*LONGER, "--figure", "generation(new_tokens=5).latency_seconds=-3"], "a duration must be positive"),
    ],
)
def test_what_cannot_be_added_leaves_everything_as_it_was(
    begun: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    assert cli.main(arguments) == 4
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before
