"""The pytest plugin: thin wiring between pytest and the suite."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from llm_claims.document.instances import InstanceTable
from llm_claims.errors import ClaimsError, Inconclusive, Untestable
from llm_claims.judging.accepted import AcceptedVerdict
from llm_claims.judging.decider import Decider
from llm_claims.judging.marks import claim_of
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.judging.rehearsal import SOURCE_PARAMETER, plan_of
from llm_claims.judging.reuse import Reuse
from llm_claims.judging.run_folder import RunFolder
from llm_claims.judging.suite import Suite
from llm_claims.judging.termination import Termination
from llm_claims.judging.trial import Trial
from llm_claims.options import add_options, read_options
from llm_claims.relations.verdict import FigureList
from llm_claims.report.progress import ProgressLine
from llm_claims.report.reporter import FIGURES, ROW, Reporter
from llm_claims.sagemaker.plugin import CloudSession
from llm_claims.sagemaker.source import SageMakerSource
from llm_claims.sources.base import LiveSource
from llm_claims.sources.store import EvidenceStore

SUITE = pytest.StashKey[Suite]()
TRIAL = pytest.StashKey[Trial]()
ACCEPTED = pytest.StashKey[AcceptedVerdict]()
PLANS = pytest.StashKey[dict[str, Plan]]()
FOLDER = pytest.StashKey[RunFolder]()
TERMINATION = pytest.StashKey[Termination]()

MARKERS = (
    "cpu: every recording, and live runs on this processor",
    "gpu: live runs on GPUs",
    "sagemaker: live SageMaker jobs and endpoints",
    "live: measures while it runs, instead of reading a recording",
    "claim(id, place): the test of a claim of the document",
)
_TIERS = {"recording": ("cpu",), "cpu": ("cpu", "live"), "gpu": ("gpu", "live"), "sagemaker": ("sagemaker", "live")}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Register markers; prepare the suite (read when the first claim is collected)."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    try:
        options = read_options(config)
    except ClaimsError as error:
        raise pytest.UsageError(str(error)) from None
    given = _worker_input(config).get("llm_claims_store")
    folder, termination = RunFolder(), Termination()
    config.stash[FOLDER], config.stash[TERMINATION] = folder, termination
    run = _worker_input(config).get("llm_claims_cloud_run")
    suite = Suite(options, EvidenceStore(given and Path(given), make=folder), ProgressLine(config), cloud_run=run)
    config.stash[SUITE] = suite
    if options.register.is_file():
        termination.watch()
    if options.claims or options.recordings or options.instances or _distributes(config):
        _check(suite)
    if not _is_worker(config):
        reuse = Reuse(suite, config)
        suite.store.opened = reuse.begin
        config.pluginmanager.register(Reporter(suite, config), "llm-claims-reporter")
        # After the reporter, so that it finishes first: the report has its remarks.
        config.pluginmanager.register(reuse, "llm-claims-reuse")
        if options.instances:
            config.pluginmanager.register(CloudSession(suite, config), "llm-claims-cloud")


def _worker_input(config: pytest.Config) -> dict[str, Any]:
    given: dict[str, Any] = getattr(config, "workerinput", {})
    return given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the run's shared evidence is."""
    suite = node.config.stash[SUITE]
    if suite.options.register.is_file():
        node.workerinput["llm_claims_store"] = str(suite.store.folder)
        node.workerinput["llm_claims_cloud_run"] = suite.cloud_run


def _distributes(config: pytest.Config) -> bool:
    """Whether this is the controller of xdist workers, which collects nothing and so has to look ahead."""
    return bool(getattr(config.option, "numprocesses", None)) and (config.stash[SUITE].options.register).is_file()


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
        pytest.param(name, id=name, marks=[getattr(pytest.mark, tier) for tier in _TIERS[source.kind]])
        for name, source in suite.sources.items()
    ]
    metafunc.fixturenames.append(SOURCE_PARAMETER)
    metafunc.parametrize(SOURCE_PARAMETER, parameters)


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
    if node.get_closest_marker("xfail") or node.get_closest_marker("skip"):
        raise pytest.UsageError(f"{node.nodeid}: a claim's verdict is accepted by review, not hidden by xfail or skip")
    suite = request.config.stash[SUITE]
    source = suite.sources[str(node.callspec.params[SOURCE_PARAMETER])]
    trial = Trial(
        claim=id,
        case=node.callspec.id.removesuffix(source.name).removesuffix("-"),
        source=source,
        decider=Decider(suite.options.rounds, lambda live: _plan(request.session, live)),
        untestable=suite.untestable(id, source),
        instances=suite.instances,
    )
    node.stash[TRIAL] = trial
    node.stash[ACCEPTED] = AcceptedVerdict(request.getfixturevalue("snapshot"))
    return trial


def _plan(session: pytest.Session, source: LiveSource) -> Plan:
    """The plan of all selected live cases, made once a process."""
    plans = session.stash.setdefault(PLANS, {})
    if source.name not in plans:
        suite = session.config.stash[SUITE]
        needs = suite.needs(session.items, source)
        plans[source.name] = plan_of(needs)
        if isinstance(source, SageMakerSource):
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
    suite = config.stash.get(SUITE, None)
    if suite is None:
        return
    suite.close()
    if not _is_worker(config):
        suite.store.remove()
    config.stash[FOLDER].close()
    config.stash[TERMINATION].release()
