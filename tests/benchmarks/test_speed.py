"""What the suite costs: start-up, judging recordings, memory, and measuring serving live.

Every figure is the best of three runs in a process of its own, with compiled modules cached as they are on a
person's second run: whatever else the machine does can only add to it.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pytest

REPOSITORY = Path(__file__).parents[2]
ROUNDS = 3
RECORDED = ("tests/claims", "-m", "cpu and not live")

MOST_COLLECTION_SECONDS = 1.0
MOST_RECORDED_SECONDS = 3.0
MOST_RECORDED_MEGABYTES = 200
MOST_CASE_SECONDS = 0.002
MOST_LIVE_SECONDS = 120
MOST_NIGHT_SECONDS = 0.001
MOST_HISTORY_SECONDS = 2.0
MOST_IMPORT_SECONDS = 10.0
MOST_IMPORT_MEGABYTES = 300

Show = Callable[[str], None]


@dataclass(frozen=True)
class Cost:
    """What one run of pytest took."""

    status: int
    seconds: float
    megabytes: float


@pytest.fixture(scope="module", autouse=True)
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Cache compiled modules, pytest's rewritten ones too, wherever they may be written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        yield


@pytest.fixture
def uncached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take torch's modules as they are installed: to compile them once more takes longer than the test."""
    monkeypatch.delenv("PYTHONPYCACHEPREFIX")


def pytest_cost(folder: Path, *arguments: str) -> Cost:
    """Run pytest in ``folder`` and return what it took."""
    return cost_of(folder, "pytest", "-p", "no:cacheprovider", *arguments)


def cost_of(folder: Path, module: str, *arguments: str) -> Cost:
    """Run a module in ``folder`` and return what it took."""
    command = [sys.executable, "-m", module, *arguments]
    watch = [sys.executable, "-S", str(Path(__file__).with_name("timed.py")), *command]
    said = subprocess.run(watch, cwd=folder, capture_output=True, text=True, check=True).stdout
    return Cost(**json.loads(said))


def best(benchmark: Any, folder: Path, *arguments: str) -> Cost:
    """Benchmark a run of pytest; return the least of each cost."""
    costs: list[Cost] = []
    benchmark.pedantic(lambda: costs.append(pytest_cost(folder, *arguments)), rounds=ROUNDS, warmup_rounds=1)
    _, *least = map(min, zip(*map(astuple, costs), strict=True))
    return Cost(max(cost.status for cost in costs), *least)


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Print a line, past pytest's capture."""

    def write(line: str) -> None:
        with capsys.disabled():
            print(f"\n{line}")

    return write


def test_collection(benchmark: Any, tmp_path: Path, show: Show) -> None:
    (tmp_path / "test_nothing.py").touch()
    without = ("--collect-only", "-q", "-p", "no:llm_claims", "-p", "no:syrupy")
    bare = min(pytest_cost(tmp_path, *without).seconds for _ in range(1 + ROUNDS))
    whole = best(benchmark, REPOSITORY, "tests/claims", "--collect-only", "-q")
    over = whole.seconds - bare
    show(f"collection: {over:.2f} s over bare pytest ({whole.seconds:.2f} s, {bare:.2f} s bare)")
    assert over <= MOST_COLLECTION_SECONDS


def test_judging_recordings(benchmark: Any, tmp_path: Path, show: Show) -> None:
    cost = best(benchmark, REPOSITORY, *RECORDED, f"--report-dir={tmp_path}")
    show(f"recordings: {cost.seconds:.2f} s, {cost.megabytes:.0f} MB at most")
    assert cost.status == pytest.ExitCode.OK
    assert cost.seconds <= MOST_RECORDED_SECONDS
    assert cost.megabytes <= MOST_RECORDED_MEGABYTES


PLAIN = """\
import pytest

@pytest.fixture
def one():
    return 1

@pytest.fixture
def two(one):
    return one + one

@pytest.mark.parametrize("number", range({cases}))
def test_plain(one, two, number):
    assert one + one == two
"""


def case_costs(folder: Path, *arguments: str) -> list[float]:
    """Run pytest and return the seconds that each test took, from its setup to its last report."""
    target = folder / "seconds.json"
    script = Path(__file__).with_name("per_case.py")
    command = [sys.executable, str(script), str(target), "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    seconds: list[float] = json.loads(target.read_text(encoding="utf-8"))
    return seconds


def test_cost_of_a_recorded_case(benchmark: Any, tmp_path: Path, show: Show) -> None:
    """What a case takes beyond a plain test of two fixtures: the mean over all cases of a run."""
    judged: list[list[float]] = []
    plain: list[list[float]] = []

    def run() -> None:
        judged.append(case_costs(tmp_path, *RECORDED, f"--report-dir={tmp_path}"))
        (tmp_path / "test_plain.py").write_text(PLAIN.format(cases=len(judged[-1])), encoding="utf-8")
        plain.append(case_costs(tmp_path, str(tmp_path / "test_plain.py")))

    benchmark.pedantic(run, rounds=2 * ROUNDS, warmup_rounds=1)
    whole, own = min(map(fmean, judged)), min(map(fmean, plain))
    middle = min(map(median, judged)) - own
    show(f"a recorded case: {(whole - own) * 1000:.2f} ms over a plain test's {own * 1000:.2f} ms")
    show(f"a recorded case in the middle: {middle * 1000:.2f} ms over a plain test")
    assert len(judged[0]) == len(plain[0]) > 47
    assert whole - own <= MOST_CASE_SECONDS


@pytest.mark.usefixtures("uncached")
@pytest.mark.skipif("not config.getoption('--benchmark-only')", reason="takes minutes: make bench runs it")
def test_live_serving(benchmark: Any, tmp_path: Path, show: Show) -> None:
    arguments = ("tests/claims", "-m", "cpu and live", f"--report-dir={tmp_path}")
    cost = benchmark.pedantic(pytest_cost, (REPOSITORY, *arguments), rounds=1)
    rows = json.loads((tmp_path / "verdicts.json").read_text(encoding="utf-8"))
    words = {row["verdict"] for row in rows}
    judged = {row["claim"] for row in rows if row["verdict"] != "untestable"}
    show(f"live serving: {cost.seconds:.0f} s for {len(judged)} claims; verdicts {', '.join(sorted(words))}")
    assert len(judged) >= 7
    assert "error" not in words
    assert cost.seconds <= MOST_LIVE_SECONDS


def test_a_history_of_100_figures_and_1000_nights_is_judged(show: Show) -> None:
    from random import Random

    from llm_claims import ChangeDetector

    random = Random(1)
    series = [[random.lognormvariate(0, 0.03) for _ in range(1000)] for _ in range(100)]
    started = time.perf_counter()
    for values in series:
        detector = ChangeDetector()
        for value in values:
            detector.update(value)
    whole = time.perf_counter() - started
    show(f"100 figures over 1,000 nights: {whole:.2f} s, {whole / 1e5 * 1e6:.0f} µs a night")
    assert whole < MOST_HISTORY_SECONDS
    assert whole / 1e5 < MOST_NIGHT_SECONDS


def test_a_log_of_100_megabytes_is_imported(benchmark: Any, tmp_path: Path, show: Show) -> None:
    bars = "".join(f"\r{number % 100:3}%|###| {number}/9 [0:4" for number in range(5000))
    with (tmp_path / "run.log").open("w", encoding="utf-8", newline="") as log:
        for part in range(1000):
            log.write(f"{bars}\n{{'loss': 1.9042, 'learning_rate': 1e-05, 'epoch': {part / 1000}}}\n")
        log.write("{'train_runtime': 121.7735, 'train_loss': 1.46, 'epoch': 1.0}\n")
    costs: list[Cost] = []

    def run() -> None:
        into = f"r{len(costs)}.json"
        costs.append(cost_of(tmp_path, "llm_claims.cli", "import", "run.log", "--into", into))

    benchmark.pedantic(run, rounds=ROUNDS)
    seconds, megabytes = (min(getattr(cost, name) for cost in costs) for name in ("seconds", "megabytes"))
    size = (tmp_path / "run.log").stat().st_size / 1e6
    show(f"a log of {size:.0f} MB with 5 million carriage returns: {seconds:.1f} s, {megabytes:.0f} MB at most")
    assert {cost.status for cost in costs} == {0}
    assert seconds <= MOST_IMPORT_SECONDS
    assert megabytes <= MOST_IMPORT_MEGABYTES
