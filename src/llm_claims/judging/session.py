"""What pytest calls in a run that judges claims; registered as a plugin where there is a register of claims."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from llm_claims.document.instances import InstanceTable
from llm_claims.errors import ClaimsError, Inconclusive, Untestable, UsageError
from llm_claims.evidence.recordings import why_not_writable
from llm_claims.judging.accepted import AcceptedVerdict
from llm_claims.judging.decider import Decider
from llm_claims.judging.marks import claim_of
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.judging.progress import ProgressLine
from llm_claims.judging.rehearsal import SOURCE_PARAMETER, plan_of
from llm_claims.judging.rows import FIGURES, ROW, FigureList
from llm_claims.judging.run_folder import RunFolder
from llm_claims.judging.suite import Suite
from llm_claims.judging.termination import Termination
from llm_claims.judging.trial import Trial
from llm_claims.options import read_options
from llm_claims.sources.base import Source
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads import built_in
from llm_claims.workloads.base import Workload
from llm_claims.workloads.hardware import Gpus, Processor

SUITE = pytest.StashKey[Suite]()
TRIAL = pytest.StashKey[Trial]()
ACCEPTED = pytest.StashKey[AcceptedVerdict]()
PLANS = pytest.StashKey[dict[str, Plan]]()
FOLDER = pytest.StashKey[RunFolder]()
TERMINATION = pytest.StashKey[Termination]()


def prepare(config: pytest.Config) -> Suite:
    """Make the suite of this run; its files are read when the first claim is collected."""
    try:
        options = read_options(config)
        if options.record is not None and (reason := why_not_writable(options.record)):
            raise UsageError(f"--record {options.record}: {reason}")
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None
    given = _worker_input(config).get("llm_claims_store")
    folder, termination = RunFolder(), Termination()
    suite = Suite(options, EvidenceStore(given and Path(given), make=folder), ProgressLine(config), config.hook)
    config.stash[FOLDER], config.stash[TERMINATION], config.stash[SUITE] = folder, termination, suite
    if options.register.is_file():
        termination.watch()
    if config.getoption("--reuse-evidence"):
        text = "--reuse-evidence no longer does anything: use --record FILE, and later --recording FILE"
        config.issue_config_time_warning(pytest.PytestDeprecationWarning(text), stacklevel=2)
    return suite


def check_early(config: pytest.Config) -> None:
    """Check options before anything is collected, where they name something or where workers collect."""
    suite = config.stash[SUITE]
    options = suite.options
    distributes = bool(config.getoption("numprocesses", None)) and options.register.is_file()
    if options.claims or options.recordings or options.instances or distributes:
        _check(suite)


def pytest_claims_kinds() -> list[type[Workload]]:
    """The kinds that come with the package."""
    return built_in()


@pytest.hookimpl(tryfirst=True)
def pytest_claims_sources(suite: Suite) -> list[Source]:
    """The processor of this machine, and its GPUs."""
    options = suite.options
    programs = ((Processor(), options.cpu_program), (Gpus(), options.gpu_program))
    return [
        LocalSource(
            hardware,
            suite.store,
            progress=suite.progress.of(hardware.name),
            program=program,
            commit=suite.commit,
            sample_timeout=options.sample_timeout,
            most_rounds=options.rounds,
            time_budget=options.time_budget,
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
    if suite.options.register.is_file():
        node.workerinput["llm_claims_store"] = str(suite.store.folder)


def _check(suite: Suite) -> None:
    try:
        suite.check_sound()
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every claim's test once a source; the source ends the test's id."""
    if claim_of(metafunc.definition) is None:
        return
    suite = metafunc.config.stash[SUITE]
    if suite.fault is not None:
        return
    parameters = [
        pytest.param(name, id=name, marks=[_marker(metafunc.config, marker) for marker in source.markers])
        for name, source in suite.sources.items()
    ]
    metafunc.fixturenames.append(SOURCE_PARAMETER)
    metafunc.parametrize(SOURCE_PARAMETER, parameters)


def _marker(config: pytest.Config, name: str) -> pytest.MarkDecorator:
    """Return a source's marker, registered: under --strict-markers pytest refuses any other."""
    if not any(line.partition(":")[0].partition("(")[0].strip() == name for line in config.getini("markers")):
        config.addinivalue_line("markers", f"{name}: cases of a source of this project")
    marker: pytest.MarkDecorator = getattr(pytest.mark, name)
    return marker


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Refuse a suite that cannot be trusted; keep only the claims that ``--claim`` names."""
    suite = config.stash[SUITE]
    claims = {item: id for item in items if (id := claim_of(item))}
    if not claims:
        return
    # What this run does not select is not obsolete: one source is judged here, another one elsewhere.
    config.option.disable_unused_snapshots = True
    try:
        suite.check_sound()
        for item, id in claims.items():
            suite.check_claim(id, item.nodeid)
            if any(item.get_closest_marker(name) for name in ("xfail", "skip", "skipif")):
                raise UsageError(f"{item.nodeid}: a claim's verdict is accepted by review, not hidden by xfail or skip")
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None
    wanted = suite.options.claims
    if wanted:
        kept = [item for item in items if claims.get(item) in wanted]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


@pytest.fixture
def claim_trial(request: pytest.FixtureRequest) -> Trial:
    """The trial of this case; tests use ``measure`` and ``judge``."""
    node: pytest.Function = request.node
    id = claim_of(node)
    if id is None:
        raise pytest.UsageError(f"{node.nodeid}: measure and judge need a test marked with @claim")
    suite = request.config.stash[SUITE]
    source = suite.sources[str(node.callspec.params[SOURCE_PARAMETER])]
    trial = Trial(
        claim=id,
        case=node.callspec.id.removesuffix(source.name).removesuffix("-"),
        source=source,
        decider=Decider(suite.options.rounds, lambda live: _plan(request.session, live)),
        untestable=suite.untestable(id, source),
        instances=lambda: suite.instances,
    )
    node.stash[TRIAL] = trial
    node.stash[ACCEPTED] = AcceptedVerdict(request.getfixturevalue("snapshot"))
    return trial


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
    try:
        result = yield
    except Untestable as reason:
        result = None
        trial.give_up(str(reason))
    except Inconclusive as reason:
        result = None
        trial.leave_open(str(reason))
    except ClaimsError as error:
        result = None
        trial.fail(str(error))
    except BaseException as error:
        trial.fail(f"{type(error).__name__}: {error}")
        if isinstance(error, pytest.skip.Exception):
            pytest.fail(
                f"{trial.label}: a claim's test may not skip: the source says what is untestable", pytrace=False
            )
        raise
    finally:
        pyfuncitem.user_properties.append((ROW, trial.row().model_dump_json()))
        pyfuncitem.user_properties.append((FIGURES, FigureList(trial.figures()).model_dump_json()))
    options = pyfuncitem.config.stash[SUITE].options
    trial.conclude(pyfuncitem.stash[ACCEPTED], updating=options.updating, strict=options.strict)
    return result


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
    config.stash[TERMINATION].release()
