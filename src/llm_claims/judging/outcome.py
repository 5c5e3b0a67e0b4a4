"""What a claim's test ends with: the outcome that its verdict means, and a row of the report."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from llm_claims.errors import ClaimsError, Inconclusive, Untestable
from llm_claims.judging.cases import Case, case_of
from llm_claims.judging.collection import REMEDY
from llm_claims.judging.marks import claim_of
from llm_claims.judging.rows import FigureRow, VerdictRow, hand_over, properties_of
from llm_claims.judging.suite import SUITE
from llm_claims.judging.trial import TRIAL, Trial

PROPERTIES = pytest.StashKey[list[tuple[str, object]]]()


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
        trial.conclude(suite.accepted(pyfuncitem), strict=suite.options.strict)
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
