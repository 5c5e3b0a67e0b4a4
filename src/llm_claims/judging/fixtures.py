"""The fixtures that the test of a claim takes: ``measure``, ``judge``, ``instances``."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llm_claims.document.instances import InstanceTable
from llm_claims.judging.cases import case_of
from llm_claims.judging.decider import Decider
from llm_claims.judging.marks import place_of_claim
from llm_claims.judging.measurement import Measurement
from llm_claims.judging.plan import Plan
from llm_claims.judging.rehearsal import plan_of
from llm_claims.judging.suite import SUITE
from llm_claims.judging.trial import TRIAL, Trial
from llm_claims.sources.base import Source

PLANS = pytest.StashKey[dict[str, Plan]]()


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
        read_accepted=suite.accepted(node).read if suite.options.update != "all" else lambda: None,
        untestable=suite.untestable(case.claim, source),
        instances=lambda: suite.instances,
        test=node.nodeid,
        place=place_of_claim(node),
        history=suite.history,
    )
    node.stash[TRIAL] = trial
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
