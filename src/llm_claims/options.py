"""The command-line options and ini settings of the plugin."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from llm_claims.errors import UsageError
from llm_claims.recordings import RECORDING_NAME

DEFAULT_ROUNDS = 5
LIVE_SOURCES = ("cpu", "gpu", "sagemaker")


def add_options(parser: pytest.Parser) -> None:
    """Register every option with pytest."""
    group = parser.getgroup("llm-claims", "judging claims about training and serving LLMs")
    group.addoption("--claim", action="append", default=[], metavar="ID", help="judge only this claim; may repeat")
    group.addoption(
        "--recording",
        action="append",
        default=[],
        metavar="FILE",
        help="judge this recording instead of those under fixtures/recordings; may repeat",
    )
    group.addoption("--record", metavar="FILE", help="write the evidence measured in this run to a new recording")
    group.addoption(
        "--instance", action="append", default=[], metavar="TYPE", help="SageMaker instance type; may repeat"
    )
    group.addoption(
        "--rounds",
        type=int,
        default=DEFAULT_ROUNDS,
        metavar="N",
        help="most interleaved rounds of a live relation (default %(default)s)",
    )
    group.addoption(
        "--sample-timeout",
        type=float,
        metavar="SECONDS",
        help="a live program that takes longer for one sample is ended (default 120 on the CPU, 600 on GPUs)",
    )
    group.addoption(
        "--time-budget",
        type=float,
        metavar="SECONDS",
        help="begin no live sample later than this after the first; what is open then stays so (default: no limit)",
    )
    group.addoption(
        "--strict-inconclusive", action="store_true", help="fail live cases that stay inconclusive, instead of skipping"
    )
    group.addoption(
        "--reuse-evidence",
        action="store_true",
        help="take over what an earlier run measured live, unless something changed that could change it",
    )
    group.addoption("--report-dir", default="report", metavar="DIR", help="folder of the reports (default %(default)s)")
    parser.addini(
        "claims_cpu_program",
        "command of the program that serves on this CPU; it speaks llm_claims.programs.protocol",
        type="args",
        default=[],
    )
    parser.addini(
        "claims_gpu_program",
        "command of the program that serves and trains on GPUs; it speaks llm_claims.programs.protocol",
        type="args",
        default=[],
    )
    parser.addini("claims_fixtures", "folder of claims.toml, instances.json and recordings/", default="fixtures")


@dataclass(frozen=True)
class Options:
    """The options of one run, checked."""

    claims: tuple[str, ...]
    recordings: tuple[Path, ...]
    record: Path | None
    instances: tuple[str, ...]
    rounds: int
    sample_timeout: float | None
    time_budget: float | None
    strict: bool
    reuse: bool
    updating: bool
    report: Path
    fixtures: Path
    cpu_program: tuple[str, ...]
    gpu_program: tuple[str, ...]

    @property
    def register(self) -> Path:
        """The file with the claims."""
        return self.fixtures / "claims.toml"


def read_options(config: pytest.Config) -> Options:
    """Read and check the options.

    Raises
    ------
    UsageError
        An option's value cannot be used.
    """
    get = config.getoption
    invoked = config.invocation_params.dir
    record = get("--record")
    options = Options(
        claims=tuple(get("--claim")),
        recordings=tuple(invoked / name for name in get("--recording")),
        record=invoked / record if record else None,
        instances=tuple(get("--instance")),
        rounds=get("--rounds"),
        sample_timeout=get("--sample-timeout"),
        time_budget=get("--time-budget"),
        strict=get("--strict-inconclusive"),
        reuse=get("--reuse-evidence"),
        updating=get("--snapshot-update", default=False),
        report=config.rootpath / get("--report-dir"),
        fixtures=config.rootpath / config.getini("claims_fixtures"),
        cpu_program=tuple(config.getini("claims_cpu_program")),
        gpu_program=tuple(config.getini("claims_gpu_program")),
    )
    _check(options)
    return options


def _check(options: Options) -> None:
    if options.rounds < 1:
        raise UsageError(f"--rounds must be at least 1, got {options.rounds}")
    for name, seconds in (("--sample-timeout", options.sample_timeout), ("--time-budget", options.time_budget)):
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError(f"{name} must be positive, got {seconds:g}")
    if options.record is not None:
        _check_record(options.record)


def _check_record(path: Path) -> None:
    if path.exists():
        raise UsageError(f"--record {path}: the file exists, and a recording is never overwritten")
    if not path.parent.is_dir():
        raise UsageError(f"--record {path}: there is no folder {path.parent}")
    if path.suffix != ".json" or not re.fullmatch(RECORDING_NAME, path.stem):
        raise UsageError(f"--record {path}: name it NAME.json; a name has lower-case letters, digits, dots and hyphens")
    if path.stem in LIVE_SOURCES:
        raise UsageError(f"--record {path}: {path.stem!r} is a live source; a recording needs a name of its own")
