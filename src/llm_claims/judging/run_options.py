"""The options of one run, read and checked."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from llm_claims.errors import UsageError
from llm_claims.judging.options import EMULATED_ROUNDS, LOCAL, option, registers_in


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
