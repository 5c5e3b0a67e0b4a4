"""Runs a miniature suite beside other plugins and with pytest's own options, and prints what happens as a document.

`make plugins` runs it. Every plugin is alone with this one: others are not even loaded. Each is tried twice: where all
verdicts are the accepted ones, and where one has changed. The exit status is 1 if anything differs without a reason.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distribution, requires, version
from pathlib import Path

from tests.integration.miniature import ACCEPTED, Miniature, build

CHANGED = {**ACCEPTED, "test_zero1[paper]": "contradicted 0.5 [0.4, 0.6]"}
WORDS = "zero1-faster on paper: contradicted 0.5 [0.4, 0.6] → reproduced 3.932 [3.932, 3.932], n=1"
STOPS = "stops at the first failure; what was not run is an error that says so"
NEEDED = ("pytest-metadata",)
"""Plugins that others need, and do not load by themselves."""
SAME = "same rows, same exit status, failures in words"
INTRODUCTION = """\
# Other plugins

What happens where pytest runs this plugin beside another one, or with an option of its own: each is tried with a
miniature suite, once where every verdict is the accepted one and once where one has changed. `make plugins` writes this
page; it ends with an error if anything differs that has no reason here.

A run that judges a part of the suite says so, and writes its report to `report/part`; so do `--lf`, `-k`, `--deselect`,
node ids and pytest-split. A test that is repeated has the row of its last attempt.
"""


@dataclass(frozen=True)
class Trial:
    """One plugin or option; ``limit`` is what differs with it, and why."""

    name: str
    options: str = ""
    limit: str = ""
    environment: tuple[str, str] | None = None
    package: bool = True


TRIALS = (
    Trial("pytest-randomly"),
    Trial("pytest-rerunfailures", "--reruns 1"),
    Trial("flaky", "--force-flaky --max-runs 2"),
    Trial("pytest-timeout", "--timeout 60"),
    Trial("pytest-cov", "--cov"),
    Trial("pytest-sugar"),
    Trial("pytest-html", "--html page.html"),
    Trial("pytest-json-report", "--json-report"),
    Trial("pytest-instafail", "--instafail"),
    Trial("pytest-repeat", "--count 2", "refused in words: how often a claim is measured is for `--rounds`"),
    Trial("pytest-split", "--splits 2 --group 1", "judges a part, and says so; the change is in the other half"),
    Trial("pytest-subtests"),
    Trial("pytest-asyncio", "--asyncio-mode auto"),
    Trial("anyio"),
    Trial("pytest-order", "--order-scope module"),
    Trial("pytest-rich", "--rich"),
    Trial("pytest-run-parallel", "--parallel-threads 2"),
    Trial("inline-snapshot", "--inline-snapshot report"),
    Trial("pytest-github-actions-annotate-failures", environment=("GITHUB_ACTIONS", "true")),
    Trial("pytest-reportlog", "--report-log log.jsonl"),
    Trial("allure-pytest", "--alluredir allure"),
    Trial("pytest-icdiff"),
    Trial("pytest-clarity", "-vv"),
    *(
        Trial("pytest-xdist", f"-n 2 --dist {dist}")
        for dist in ("load", "loadfile", "loadscope", "loadgroup", "worksteal")
    ),
    Trial("pytest-xdist", "--dist each --tx 2*popen"),
    Trial("pytest-xdist", "-n 2 -W error"),
    Trial("pytest", "-x", STOPS, package=False),
    Trial("pytest", "--stepwise", f"{STOPS}; pytest calls it an interrupt", package=False),
    Trial("pytest", "--tb no", "pytest shows no failure; the closing table has its verdict", package=False),
    *(
        Trial("pytest", options, package=False)
        for options in (
            "-q",
            "-s",
            "--runxfail",
            "--ff",
            "--nf",
            "-W error",
            "--import-mode importlib",
            "--doctest-modules",
            "--setup-show",
            "--durations 3",
            "--junitxml junit.xml",
            "--assert plain",
            "-p no:cacheprovider",
            "-p no:terminal",
            "-p no:skipping",
            "-p no:syrupy",
        )
    ),
)


@dataclass(frozen=True)
class Seen:
    """What came of a run: its exit status, its rows without the figures of live sources, and what it said."""

    status: int
    rows: tuple[str, ...]
    part: bool
    said: str


def main() -> int:
    """Print the document; return 1 if something differs that has no reason."""
    good = bad = None
    unexplained = []
    lines = ["| plugin | version | options | what happens |", "|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        for number, trial in enumerate((Trial("pytest", package=False), *TRIALS)):
            well, ill = (
                run(Path(folder, f"{number}-{name}"), trial, changed=changed)
                for name, changed in (("well", False), ("ill", True))
            )
            if good is None or bad is None:
                good, bad = well, ill
            differs = list(differences(trial, (good, bad), (well, ill)))
            if differs and not trial.limit:
                unexplained.append(f"{trial.name} {trial.options}: {'; '.join(differs)}\n{well.said}\n{ill.said}")
            happens = f"{trial.limit} ({'; '.join(differs)})" if trial.limit else "; ".join(differs) or SAME
            options = f"`{trial.options}`" if trial.options else ""
            lines.append(f"| {trial.name} | {version(trial.name)} | {options} | {happens} |")
            print(lines[-1], file=sys.stderr)
    print("\n".join([INTRODUCTION, *lines]))
    print("\n".join(unexplained), file=sys.stderr)
    return 1 if unexplained else 0


def run(folder: Path, trial: Trial, *, changed: bool) -> Seen:
    """Run the miniature suite with one plugin and its options."""
    folder.mkdir()
    suite = build(folder)
    if changed:
        suite.accept(CHANGED)
    off = trial.options.split("no:")[-1] if "no:" in trial.options else ""
    plugins = [name for name in ("syrupy", "llm_claims.plugin", *entry_points(trial)) if name != off]
    command = [sys.executable, "-m", "pytest", *(part for name in plugins for part in ("-p", name)), "-m", "cpu"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "LLM_CLAIMS_LOCK": str(folder / "lock")}
    environment |= dict([trial.environment] if trial.environment else [])
    done = subprocess.run(
        [*command, *trial.options.split()],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    part = (folder / "report/part").exists()
    return Seen(done.returncode, tuple(sorted(rows(suite))), part, done.stdout + done.stderr)


def entry_points(trial: Trial) -> list[str]:
    """The names under which a distribution's plugins are loaded."""
    if not trial.package:
        return []
    names = [trial.name, *(one for one in NEEDED if any(line.startswith(one) for line in requires(trial.name) or ()))]
    return [one.name for name in names for one in distribution(name).entry_points if one.group == "pytest11"]


def rows(suite: Miniature) -> Iterator[str]:
    """The rows of a run's report; of live sources the verdicts alone, since the order of tests changes their seeds."""
    try:
        found = suite.rows().values()
    except ValueError:
        return
    for row in found:
        live = row["source"] != "paper"
        yield json.dumps({name: row[name] for name in ("claim", "case", "source", "verdict")} if live else row)


def differences(trial: Trial, expected: tuple[Seen, Seen], seen: tuple[Seen, Seen]) -> Iterator[str]:
    """Say what is not as it is without the plugin."""
    if [one.rows for one in seen] != [one.rows for one in expected]:
        counts = {len(one.rows) for one in seen}
        yield f"{max(counts)} rows of {len(expected[0].rows)}" if counts != {len(expected[0].rows)} else "other rows"
    if any(one.part for one in seen):
        yield "told to be a part"
    statuses = [one.status for one in seen]
    if statuses != [one.status for one in expected]:
        yield f"exit status {statuses[0]}, and {statuses[1]} where a verdict has changed"
    if WORDS not in " ".join(seen[1].said.split()) and "no:terminal" not in trial.options:
        yield "the change is not in the output"


if __name__ == "__main__":
    raise SystemExit(main())
