"""The command-line options and ini settings of the plugin."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

EMULATED_ROUNDS = 1
"""Enough to go every way that a run on AWS goes: an emulator's figures decide nothing."""
LOCAL, ALL = "local", "all"
REGISTER = "claims.toml"
DEFAULT_BUDGET_USD = 10.0


_OPTIONS: dict[str, dict[str, Any]] = {
    "claim": {"action": "append", "default": [], "metavar": "ID", "help": "judge only this claim; may repeat"},
    "document": {
        "action": "append",
        "default": [],
        "metavar": "NAME",
        "help": "judge only the claims of this document, a folder of the fixtures; may repeat",
    },
    "recording": {
        "action": "append",
        "default": [],
        "metavar": "FILE",
        "help": "judge this recording instead of those under the fixtures; may repeat",
    },
    "weights": {
        "action": "append",
        "default": [],
        "metavar": "NAME=FOLDER",
        "help": "a checkpoint (config.json, model.safetensors, tokenizer) of this model, from which training on this "
        "machine starts; may repeat",
    },
    "record": {"metavar": "FILE", "help": "write the evidence measured in this run to a new recording"},
    "instance": {
        "action": "append",
        "default": [],
        "metavar": "TYPE",
        "help": "SageMaker instance type that may be launched; may repeat; 'all' for all that the suite knows, "
        "'local' for an emulator on this machine",
    },
    "stack": {
        "choices": ("current", "document"),
        "default": "current",
        "help": "software on SageMaker: today's, or the document's of 2023 (default %(default)s)",
    },
    "plan": {"action": "store_true", "help": "show what would run on SageMaker and cost, and launch nothing"},
    "budget": {
        "type": float,
        "metavar": "USD",
        "help": "start nothing on SageMaker that is estimated above this, and stop launching when it is spent "
        f"(default {DEFAULT_BUDGET_USD:g})",
    },
    "live-prices": {
        "action": "store_true",
        "help": "ask AWS what machines cost now, instead of the dated table of the suite",
    },
    "history": {
        "metavar": "FILE",
        "help": "add what is measured to this history of nights, and fail cases whose figures have changed",
    },
    "rounds": {
        "type": int,
        "metavar": "N",
        "help": "most interleaved rounds of a live relation (default: as many as there is time for; on SageMaker 5, "
        f"on an emulator {EMULATED_ROUNDS})",
    },
    "sampling-time": {
        "type": float,
        "metavar": "SECONDS",
        "help": "how long a live relation that is open may draw rounds after the first, three at least (default: as "
        "long as the set-up of what it compares took, and five at least)",
    },
    "sample-timeout": {
        "type": float,
        "metavar": "SECONDS",
        "help": "a live program that takes longer for one sample is ended (default 120 on the CPU, 600 on GPUs)",
    },
    "time-budget": {
        "type": float,
        "metavar": "SECONDS",
        "help": "begin no live sample later than this after the first; open cases then say so (default: no limit)",
    },
    "strict-inconclusive": {
        "action": "store_true",
        "help": "fail live cases that stay inconclusive, instead of skipping",
    },
    "reuse-evidence": {"action": "store_true", "help": argparse.SUPPRESS},
    "report-dir": {"default": "report", "metavar": "DIR", "help": "folder of the reports (default %(default)s)"},
}
_GROUP = "llm-claims"
TAKEN = pytest.StashKey[list[str]]()
"""The short forms of options that somebody else has."""


def add_options(parser: pytest.Parser) -> None:
    """Register every option with pytest, under its name with the prefix ``claims-``."""
    group = parser.getgroup(
        _GROUP,
        "judging claims about training and serving LLMs; --record is short for --claims-record, and so are all others, "
        "where no conftest and no other plugin has an option of that name",
    )
    for name, settings in _OPTIONS.items():
        group.addoption(f"--claims-{name}", dest=_dest(name), **settings)
    parser.addini(
        "claims_cpu_program",
        "command of a program for this CPU, for every kind of workload; it speaks llm_claims.workloads.protocol",
        type="args",
        default=[],
    )
    parser.addini(
        "claims_gpu_program",
        "command of a program for GPUs, for every kind of workload; it speaks llm_claims.workloads.protocol",
        type="args",
        default=[],
    )
    parser.addini("claims_weights", "values of --weights NAME=FOLDER, one a line", type="linelist", default=[])
    parser.addini("claims_sampling_time", "the value of --sampling-time where it is not given", default="")
    parser.addini(
        "claims_fixtures",
        "folder of claims.toml, recordings/ and instances.json; several documents have a folder each in it",
        default="fixtures",
    )


def add_short_forms(parser: pytest.Parser) -> list[str]:
    """Register the names without prefix; return those that somebody else has registered before."""
    group, taken = parser.getgroup(_GROUP), []
    for name, settings in _OPTIONS.items():
        try:
            group.addoption(f"--{name}", dest=_dest(name), **{**settings, "help": argparse.SUPPRESS})
        except (argparse.ArgumentError, ValueError):
            taken.append(name)
    return taken


def values_of_short_forms(args: Sequence[str]) -> list[str]:
    """Return the values that follow names without prefix: while these are unknown, pytest takes them for paths."""
    valued = {f"--{name}" for name, settings in _OPTIONS.items() if settings.get("action") != "store_true"}
    return [value for name, value in pairwise(args) if name in valued]


def check_root(config: pytest.Config) -> None:
    """Make sure that pytest did not look for its root beside the value of an option, as it does beside paths of tests.

    Raises
    ------
    UsageError
        It did; the text says how to write the option.
    """
    invoked, ini = config.invocation_params.dir, config.inipath
    if config.args_source is config.ArgsSource.ARGS or (ini and invoked.is_relative_to(ini.parent)):
        return
    options = {
        f"--{prefix}{name}" for name in ("report-dir", "record", "recording", "history") for prefix in ("", "claims-")
    }
    for name, value in pairwise(config.invocation_params.args):
        path = (invoked / value).resolve()
        if name in options and path.exists() and not path.is_relative_to(invoked):
            raise pytest.UsageError(f"{name} {value}: pytest took {config.rootpath} for the root; write {name}={value}")


def _dest(name: str) -> str:
    return f"claims_{name.replace('-', '_')}"


def option(config: pytest.Config, name: str) -> Any:
    """Return the value of an option; ``name`` has no prefix and no hyphens before it."""
    return config.getoption(_dest(name))


def concerns(config: pytest.Config) -> bool:
    """Whether this run has to do with claims: there is a register of them, or an option speaks of them."""
    asked = any(option(config, name) for name in ("claim", "document", "recording", "record", "instance", "plan"))
    return asked or any(map(is_register, registers_of(config)))


def registers_of(config: pytest.Config) -> tuple[Path, ...]:
    """The files with the claims, one a document; if there is none, the file that would be the first."""
    return registers_in(config.rootpath / config.getini("claims_fixtures"))


def registers_in(fixtures: Path) -> tuple[Path, ...]:
    """The files with the claims in a folder of fixtures: of one document there, and of others in a folder each."""
    first = fixtures / REGISTER
    return tuple(filter(is_register, (first, *sorted(fixtures.glob(f"*/{REGISTER}"))))) or (first,)


def is_register(path: Path) -> bool:
    """Whether a file is a register of claims: other projects may have a file of that name."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return path.is_file()
    return re.search(r"^\s*(\[\s*claims\s*\.|document\s*=)", text, re.MULTILINE) is not None


@dataclass(frozen=True)
class Options:
    """The options of one run, checked."""

    claims: tuple[str, ...]
    documents: tuple[str, ...]
    recordings: tuple[Path, ...]
    record: Path | None
    history: Path | None
    instances: tuple[str, ...]
    stack: Literal["current", "document"]
    plan: bool
    budget: float | None
    live_prices: bool
    emulated: bool
    rounds: int | None
    sampling_time: float | None
    sample_timeout: float | None
    time_budget: float | None
    strict: bool
    update: Literal["nothing", "new", "all"]
    report: Path
    fixtures: Path
    cpu_program: tuple[str, ...]
    gpu_program: tuple[str, ...]
    weights: Mapping[str, Path]

    @property
    def registers(self) -> tuple[Path, ...]:
        """The files with the claims, one a document."""
        return registers_in(self.fixtures)

    @property
    def has_claims(self) -> bool:
        """Whether there is a file with claims."""
        return any(path.is_file() for path in self.registers)


def read_options(config: pytest.Config) -> Options:
    """Read and check the options.

    Raises
    ------
    UsageError
        An option's value cannot be used.
    """

    def get(name: str) -> Any:
        return option(config, name)

    invoked = config.invocation_params.dir
    record = get("record")
    emulated = _is_emulated(get("instance"))
    options = Options(
        claims=tuple(get("claim")),
        documents=tuple(get("document")),
        recordings=tuple(invoked / name for name in get("recording")),
        record=invoked / record if record else None,
        history=invoked / get("history") if get("history") else None,
        instances=tuple(get("instance")),
        stack=get("stack"),
        plan=get("plan"),
        budget=get("budget"),
        live_prices=get("live-prices"),
        emulated=emulated,
        rounds=get("rounds") if get("rounds") is not None else EMULATED_ROUNDS if emulated else None,
        sampling_time=_sampling_time(config),
        sample_timeout=get("sample-timeout"),
        time_budget=get("time-budget"),
        strict=get("strict-inconclusive"),
        update=_update(config),
        report=config.rootpath / get("report-dir"),
        fixtures=config.rootpath / config.getini("claims_fixtures"),
        cpu_program=tuple(config.getini("claims_cpu_program")),
        gpu_program=tuple(config.getini("claims_gpu_program")),
        weights=_weights(config),
    )
    _check(options)
    return options


def _weights(config: pytest.Config) -> dict[str, Path]:
    """Return the folders of checkpoints by model, those of the ini file first: the option goes before it."""
    from llm_claims.errors import UsageError

    def read(stated: Sequence[str], base: Path, where: str) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for one in stated:
            name, folder = (part.strip() for part in one.partition("=")[::2])
            if not (name and folder):
                raise UsageError(f"{where} {one}: write NAME=FOLDER, such as llama-7b=/data/llama-7b")
            if name in found:
                raise UsageError(f"{where} {one}: {name} has a checkpoint already, {found[name]}: name one")
            try:
                found[name] = base / Path(folder).expanduser()
            except RuntimeError as error:  # of a user who is not known here
                raise UsageError(f"{where} {one}: {error}") from None
        return found

    of_ini = read(config.getini("claims_weights"), config.rootpath, "claims_weights:")
    return of_ini | read(option(config, "weights"), config.invocation_params.dir, "--weights")


def _sampling_time(config: pytest.Config) -> float | None:
    from llm_claims.errors import UsageError

    stated: float | None = option(config, "sampling-time")
    ini = config.getini("claims_sampling_time")
    if stated is not None or not ini:
        return stated
    try:
        return float(ini)
    except ValueError:
        raise UsageError(f"claims_sampling_time must be a number of seconds, got {ini!r}") from None


def _update(config: pytest.Config) -> Literal["nothing", "new", "all"]:
    """What syrupy's options let this run accept; syrupy's plugin may be switched off."""
    if config.getoption("update_snapshots", default=False):
        return "all"
    return "new" if config.getoption("update_new_snapshots_only", default=False) else "nothing"


def _is_emulated(instances: Sequence[str]) -> bool:
    """Whether SageMaker is emulated: by name, or because the AWS SDK's variables or configuration name an endpoint."""
    named = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME")
    if not instances:
        return False
    return LOCAL in instances or any(os.environ.get(name) for name in named) or _configures_endpoint()


def _configures_endpoint() -> bool:
    """Whether the profile of the AWS configuration has an ``endpoint_url``, of its own or for a service."""
    try:
        import botocore.session
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return False
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
        return False
    session = botocore.session.Session()
    try:
        profile, everything = session.get_scoped_config(), session.full_config
    except BotoCoreError:
        return False  # the check of the account says what is wrong with it
    services = everything.get("services", {}).get(profile.get("services", ""), {})
    return "endpoint_url" in profile or any("endpoint_url" in one for one in services.values() if isinstance(one, dict))


def _check(options: Options) -> None:
    from llm_claims.errors import UsageError

    _check_cloud(options)
    if options.rounds is not None and options.rounds < 1:
        raise UsageError(f"--rounds must be at least 1, got {options.rounds}")
    limits = {
        "--sample-timeout": options.sample_timeout,
        "--time-budget": options.time_budget,
        "--sampling-time": options.sampling_time,
    }
    for name, seconds in limits.items():
        if seconds is not None and not 0 < seconds < math.inf:
            raise UsageError(f"{name} must be positive, got {seconds:g}")


def _check_cloud(options: Options) -> None:
    from llm_claims.errors import UsageError

    given = {"--plan": options.plan, "--budget": options.budget is not None, "--live-prices": options.live_prices}
    for name in (name for name, is_given in given.items() if is_given and not options.instances):
        raise UsageError(f"{name} is about SageMaker: name what may be launched with --instance TYPE")
    if options.budget is not None and not 0 < options.budget < math.inf:
        raise UsageError(f"--budget must be a positive number of dollars, got {options.budget:g}")
    if LOCAL in options.instances:
        if set(options.instances) != {LOCAL}:
            raise UsageError("--instance local is an emulator on this machine: it goes with no other --instance")
        if options.stack == "document":
            raise UsageError("--stack document needs the images of 2023, which --instance local has not")
    if options.emulated and options.record is not None:
        raise UsageError("--record: an emulator's figures are no evidence, so no recording is made of them")
