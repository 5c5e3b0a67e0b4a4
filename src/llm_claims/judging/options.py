"""The command-line options and ini settings of the plugin, as pytest is told them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

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
    "record": {
        "metavar": "FILE",
        "help": "write the evidence measured in this run to a new recording, NAME.json; where several live sources "
        "measured, to one for each, NAME-SOURCE.json; until the run ends, such a name with .partial after it has what "
        "there is so far",
    },
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
        "help": "most interleaved rounds of a live relation, and most seeds (default: as many as there is time for; on "
        f"SageMaker 5, on an emulator {EMULATED_ROUNDS})",
    },
    "sampling-time": {
        "type": float,
        "metavar": "SECONDS",
        "help": "how long an open live relation may draw rounds after the first, three in all at least (default: as "
        "long as its first round took, programs' start included, and five in all at least)",
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
