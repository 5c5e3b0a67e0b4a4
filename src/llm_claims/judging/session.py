"""What pytest calls in a run that judges claims; registered as a plugin where there is a register of claims."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from llm_claims.errors import ClaimsError
from llm_claims.judging import fixtures, outcome
from llm_claims.judging.accepted import hidden_from_syrupy
from llm_claims.judging.collection import Collection
from llm_claims.judging.marks import claim_of
from llm_claims.judging.options import option
from llm_claims.judging.progress import ProgressLine
from llm_claims.judging.recording import RECORDER, Recorder, Unfinished
from llm_claims.judging.rehearsal import SOURCE_PARAMETER
from llm_claims.judging.run_folder import RunFolder
from llm_claims.judging.run_options import read_options
from llm_claims.judging.suite import SUITE, Suite
from llm_claims.judging.termination import Termination
from llm_claims.sources.base import Source
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads import built_in
from llm_claims.workloads.base import Workload
from llm_claims.workloads.hardware import Gpus, Processor
from llm_claims.workloads.llm.smollm2 import checkpoints_here

FOLDER = pytest.StashKey[RunFolder]()
TERMINATION = pytest.StashKey[Termination]()
AT_THE_END = pytest.StashKey[ExitStack]()


def prepare(config: pytest.Config) -> Suite:
    """Make the suite of this run; its files are read when the first claim is collected."""
    try:
        options = read_options(config)
        options = replace(options, weights=checkpoints_here(options.weights))
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None
    given = _worker_input(config).get("llm_claims_store")
    folder, termination = RunFolder(), Termination()
    progress = ProgressLine(config)
    suite = Suite(options, EvidenceStore(given and Path(given), make=folder), progress, config.hook)
    config.stash[FOLDER], config.stash[TERMINATION], config.stash[SUITE] = folder, termination, suite
    # The controller of xdist's workers records what they measure.
    if not _worker_input(config):
        _reserve(config, Recorder(suite))
    if options.has_claims:
        termination.watch()
    config.pluginmanager.register(progress, "llm-claims-progress")
    for name, plugin in (("collection", Collection(suite, config)), ("fixtures", fixtures), ("outcome", outcome)):
        config.pluginmanager.register(plugin, f"llm-claims-{name}")
    at_the_end = config.stash[AT_THE_END] = ExitStack()
    at_the_end.enter_context(hidden_from_syrupy())
    if option(config, "reuse-evidence"):
        text = "--reuse-evidence no longer does anything: use --record FILE, and later --recording FILE"
        config.issue_config_time_warning(pytest.PytestDeprecationWarning(text), stacklevel=2)
    return suite


def _reserve(config: pytest.Config, recorder: Recorder) -> None:
    """Reserve the file of ``--record`` to the end of this run, even if that is right now."""
    config.stash[RECORDER] = recorder
    config.add_cleanup(recorder.close)
    try:
        recorder.reserve()
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None


def check_early(config: pytest.Config) -> None:
    """Check options before anything is collected, where they name something."""
    suite = config.stash[SUITE]
    options = suite.options
    if options.claims or options.documents or options.recordings or options.instances:
        try:
            suite.check_sound()
        except ClaimsError as error:
            raise pytest.UsageError(str(error)) from None


def pytest_claims_kinds() -> list[type[Workload]]:
    """The kinds that come with the package."""
    return built_in()


@pytest.hookimpl(tryfirst=True)
def pytest_claims_sources(suite: Suite) -> list[Source]:
    """The processor of this machine, and its GPUs."""
    options = suite.options
    weights = options.weights
    programs = ((Processor(weights), options.cpu_program), (Gpus(weights), options.gpu_program))
    return [
        LocalSource(
            hardware,
            suite.store,
            progress=suite.progress.of(hardware.name),
            program=program,
            commit=suite.commit,
            sample_timeout=options.sample_timeout,
            most_rounds=options.rounds or 0,
            time_budget=options.time_budget,
            kept=Unfinished(suite),
        )
        for hardware, program in programs
    ]


def _worker_input(config: pytest.Config) -> dict[str, Any]:
    given: dict[str, Any] = getattr(config, "workerinput", {})
    return given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the run's shared evidence is."""
    suite = node.config.stash[SUITE]
    if suite.options.has_claims:
        node.workerinput["llm_claims_store"] = str(suite.store.folder)


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every claim's test once a source that judges it; the source ends the test's id."""
    claim = claim_of(metafunc.definition)
    if claim is None:
        return
    suite = metafunc.config.stash[SUITE]
    if suite.fault is not None:
        return
    parameters = [
        pytest.param(name, id=name, marks=[_marker(metafunc.config, marker) for marker in source.markers])
        for name, source in suite.sources_for(claim).items()
    ]
    metafunc.fixturenames.append(SOURCE_PARAMETER)
    metafunc.parametrize(SOURCE_PARAMETER, parameters)


def _marker(config: pytest.Config, name: str) -> pytest.MarkDecorator:
    """Return a source's marker, registered: under --strict-markers pytest refuses any other."""
    if not any(line.partition(":")[0].partition("(")[0].strip() == name for line in config.getini("markers")):
        config.addinivalue_line("markers", f"{name}: cases of a source of this project")
    marker: pytest.MarkDecorator = getattr(pytest.mark, name)
    return marker


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Clear the progress line before anything else is written."""
    session.config.stash[SUITE].progress.close()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End live programs; remove the run's evidence, which the reports have by now."""
    suite = config.stash[SUITE]
    suite.close()
    if not _worker_input(config):
        suite.store.remove()
    config.stash[FOLDER].close()
    config.stash[AT_THE_END].close()
    config.stash[TERMINATION].release()
