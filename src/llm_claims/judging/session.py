"""What pytest calls in a run that judges claims; registered as a plugin where there is a register of claims."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from llm_claims.document.instances import InstanceTable
from llm_claims.errors import ClaimsError, Inconclusive, Untestable, UsageError
from llm_claims.evidence.recordings import why_not_writable
from llm_claims.judging.accepted import AcceptedVerdict, hidden_from_syrupy
from llm_claims.judging.cases import Case, case_of
from llm_claims.judging.collection import REMEDY, Collection
from llm_claims.judging.decider import Decider
from llm_claims.judging.marks import claim_of, place_of_claim
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.judging.progress import ProgressLine
from llm_claims.judging.recording import Unfinished
from llm_claims.judging.rehearsal import SOURCE_PARAMETER, plan_of
from llm_claims.judging.rows import FigureRow, VerdictRow, hand_over, properties_of
from llm_claims.judging.run_folder import RunFolder
from llm_claims.judging.suite import Suite
from llm_claims.judging.termination import Termination
from llm_claims.judging.trial import Trial
from llm_claims.options import option, read_options
from llm_claims.sources.base import Source
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads import built_in
from llm_claims.workloads.base import Workload
from llm_claims.workloads.hardware import Gpus, Processor
from llm_claims.workloads.llm.smollm2 import checkpoints_here

SUITE = pytest.StashKey[Suite]()
TRIAL = pytest.StashKey[Trial]()
ACCEPTED = pytest.StashKey[AcceptedVerdict]()
PLANS = pytest.StashKey[dict[str, Plan]]()
FOLDER = pytest.StashKey[RunFolder]()
TERMINATION = pytest.StashKey[Termination]()
PROPERTIES = pytest.StashKey[list[tuple[str, object]]]()
AT_THE_END = pytest.StashKey[ExitStack]()


def prepare(config: pytest.Config) -> Suite:
    """Make the suite of this run; its files are read when the first claim is collected."""
    try:
        options = read_options(config)
        options = replace(options, weights=checkpoints_here(options.weights))
        # The controller of xdist's workers writes it.
        if options.record and not _worker_input(config) and (reason := why_not_writable(options.record)):
            raise UsageError(f"--record {options.record}: {reason}")
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None
    given = _worker_input(config).get("llm_claims_store")
    folder, termination = RunFolder(), Termination()
    progress = ProgressLine(config)
    suite = Suite(options, EvidenceStore(given and Path(given), make=folder), progress, config.hook)
    config.stash[FOLDER], config.stash[TERMINATION], config.stash[SUITE] = folder, termination, suite
    if options.has_claims:
        termination.watch()
    config.pluginmanager.register(progress, "llm-claims-progress")
    config.pluginmanager.register(Collection(suite, config), "llm-claims-collection")
    at_the_end = config.stash[AT_THE_END] = ExitStack()
    at_the_end.enter_context(hidden_from_syrupy())
    if option(config, "reuse-evidence"):
        text = "--reuse-evidence no longer does anything: use --record FILE, and later --recording FILE"
        config.issue_config_time_warning(pytest.PytestDeprecationWarning(text), stacklevel=2)
    return suite


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


@pytest.fixture
def claim_trial(request: pytest.FixtureRequest) -> Trial:
    """The trial of this case; tests use ``measure`` and ``judge``."""
    node: pytest.Function = request.node
    case = case_of(node)
    if case is None:
        raise pytest.UsageError(f"{node.nodeid}: measure and judge need a test marked with @claim")
    suite = request.config.stash[SUITE]
    source = suite.sources[case.source]
    trial = Trial(
        claim=case.claim,
        case=case.case,
        source=source,
        decider=Decider(
            suite.options.rounds,
            lambda live: _plan(request.session, live),
            sampling_seconds=suite.options.sampling_time,
            cases=lambda: suite.live_cases,
        ),
        # Who accepts verdicts anew is not asking whether they changed.
        read_accepted=_accepted(node, suite).read if suite.options.update != "all" else lambda: None,
        untestable=suite.untestable(case.claim, source),
        instances=lambda: suite.instances,
        test=node.nodeid,
        place=place_of_claim(node),
        history=suite.history,
    )
    node.stash[TRIAL] = trial
    return trial


def _accepted(item: pytest.Item, suite: Suite) -> AcceptedVerdict:
    return AcceptedVerdict.of(item, suite.options.update, lambda: FileLock(suite.store.folder / "accepted"))


def _plan(session: pytest.Session, source: Source) -> Plan:
    """The plan of all selected live cases of a source, made once a process."""
    plans = session.stash.setdefault(PLANS, {})
    if source.name not in plans:
        needs = session.config.stash[SUITE].needs(session.items, source)
        plans[source.name] = plan_of(needs)
        source.expect(needs)
    return plans[source.name]


@pytest.fixture
def measure(claim_trial: Trial) -> Callable[..., Measurement]:
    """Bind a workload to this test's source: ``measure(workload, setting=None, *, on=None)``."""
    return claim_trial.measure


@pytest.fixture
def judge(claim_trial: Trial) -> Callable[..., None]:
    """Give this case its verdict: ``judge(relation, seeds=None)``, once a test."""
    return claim_trial.judge


@pytest.fixture
def instances(request: pytest.FixtureRequest) -> InstanceTable:
    """The dated table of instance types and prices."""
    return request.config.stash[SUITE].instances


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a claim's test, then turn its verdict into the outcome."""
    if claim_of(pyfuncitem) is None:
        return (yield)
    trial = pyfuncitem.stash.get(TRIAL, None)
    if trial is None:
        pytest.fail("a claim's test takes the fixtures measure and judge", pytrace=False)
    result = None
    with _ending(trial):
        result = yield
    suite = pyfuncitem.config.stash[SUITE]
    try:
        trial.conclude(_accepted(pyfuncitem, suite), strict=suite.options.strict)
    except (pytest.skip.Exception, pytest.xfail.Exception) as outcome:
        trial.conclusion = outcome
        raise
    except (ClaimsError, OSError) as error:
        trial.fail(str(error))
        pytest.fail(f"{trial.label}: {error}", pytrace=False)
    return result


@contextmanager
def _ending(trial: Trial) -> Iterator[None]:
    """Run the body of a claim's test: whatever it raises ends in the trial's row."""
    try:
        yield
    except Untestable as reason:
        trial.give_up(str(reason))
    except Inconclusive as reason:
        trial.leave_open(str(reason))
    except ClaimsError as error:
        trial.fail(str(error))
    except BaseException as error:
        trial.fail(f"{type(error).__name__}: {error}")
        if isinstance(error, (pytest.skip.Exception, pytest.xfail.Exception)):
            pytest.fail(f"{trial.label}: a claim's test may not skip or xfail: {REMEDY}", pytrace=False)
        raise
    finally:
        trial.ended = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Hand over the row of a case with its report; nothing but the trial's own verdict may excuse a failure."""
    report = yield
    case = case_of(item)
    if case is None or call.when == "teardown":
        return report
    trial = item.stash.get(TRIAL, None) if call.when == "call" else None
    if trial is not None and trial.ended:
        _hand_over(item, report, trial.row(), trial.figures())
    elif call.excinfo is not None:
        _hand_over(item, report, case.error(_unjudged(call)), [])
    if call.excinfo is not None:
        _settle(report, case, call.excinfo.value, None if trial is None else trial.conclusion)
    return report


def _hand_over(item: pytest.Item, report: pytest.TestReport, row: VerdictRow, figures: list[FigureRow]) -> None:
    """Give the row to this report, and its parts to JUnit; a test that is repeated has those of its last attempt."""
    row = item.config.stash[SUITE].labelled(row)
    hand_over(report, row, figures)
    earlier, properties = item.stash.get(PROPERTIES, []), properties_of(row)
    item.user_properties[:] = [one for one in item.user_properties if one not in earlier] + properties
    item.stash[PROPERTIES] = properties
    report.user_properties = list(item.user_properties)


def _unjudged(call: pytest.CallInfo[None]) -> str:
    """Say why a test ended before its verdict."""
    assert call.excinfo is not None
    error = call.excinfo.value
    words = next(iter(str(error).splitlines()), "")
    if isinstance(error, pytest.skip.Exception):
        return f"skipped before it was judged: {words}"
    what = "set-up failed" if call.when == "setup" else "failed before it was judged"
    return f"{what}: {call.excinfo.typename}: {words}"


def _settle(report: pytest.TestReport, case: Case, error: BaseException, conclusion: BaseException | None) -> None:
    """Give a report the outcome that its error means, whatever a mark or a plugin made of it."""
    if error is not conclusion:
        if not report.failed or hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = str(error) if str(error).startswith(case.label) else f"{case.label}: {error}"
            vars(report).pop("wasxfail", None)
    elif isinstance(error, pytest.xfail.Exception) and not hasattr(report, "wasxfail"):
        # With --runxfail, or without its plugin for skips, pytest would fail it.
        report.outcome, report.wasxfail = "skipped", str(error)
        report.longrepr = (report.location[0], report.location[1] or 0, str(error))


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
