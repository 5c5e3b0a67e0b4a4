"""Collection: refuse a suite that cannot be trusted, and note what the run is to judge and what it leaves out."""

from __future__ import annotations

import unittest
from collections import Counter
from collections.abc import Collection as Container
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

import pytest

from llm_claims.document.files import try_to_write
from llm_claims.errors import ClaimsError, RecordingError, UsageError
from llm_claims.judging.accepted import check_accepted, place_of
from llm_claims.judging.cases import Case, Collected, case_of
from llm_claims.judging.completeness import ModuleSearch, Produced, listed, strings_in, unclaimed
from llm_claims.judging.marks import claim_of
from llm_claims.judging.suite import Suite

HIDING = ("xfail", "skip", "skipif")
"""Marks by which pytest passes over a test, or over its failure."""
REPEATED = "__pytest_repeat_step_number"
"""The parameter that pytest-repeat gives a test."""
REMEDY = (
    "a claim's verdict is accepted by review, not hidden by xfail or skip. What a source cannot measure is untestable: "
    "say so in the register, or raise llm_claims.Untestable"
)


class Collection:
    """A pytest plugin object, in every process that collects: the only one, or each of xdist's workers."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._seen: dict[pytest.Item, str] = {}
        self._skipped: dict[Path, str] = {}
        self._refusal: str | None = None

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """See every test of a module, also those that a node id on the command line or ``--lf`` leaves out."""
        report = yield
        for node in report.result or ():
            if isinstance(node, pytest.Item) and (claim := claim_of(node)):
                self._seen[node] = claim
        if report.skipped and isinstance(collector, pytest.File):
            self._skipped[collector.path] = report.longreprtext.rpartition(":")[2].strip(" ')")
        return report

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Refuse a suite that cannot be trusted; keep only what ``--claim`` and ``--document`` name."""
        claims = {item: id for item in items if (id := claim_of(item))}
        if not claims:
            return
        try:
            self._suite.check_sound()
            for item, id in claims.items():
                self._suite.check_claim(id, item.nodeid)
            _check_tests(claims)
        except ClaimsError as error:
            self._refuse(items, str(error))
            return
        if any(line.startswith("thread_unsafe:") for line in config.getini("markers")):
            # pytest-run-parallel would call a test's body in several threads at once, and a case is judged once.
            for item in claims:
                item.add_marker("thread_unsafe")
        wanted = self._suite.wanted
        if wanted is not None:
            kept = [item for item in items if claims.get(item) in wanted]
            config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
            items[:] = kept

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note the selected cases, when every plugin has had its say."""
        try:
            found = self._collected(session) if self._refusal is None else Collected(refusal=self._refusal)
        except ClaimsError as error:
            found = Collected(refusal=str(error))
        self._suite.collected = found
        if self._is_worker:
            found.keep(self._suite.store.folder)
        if found.refusal and self._refusal is None:
            self._refuse(session.items, found.refusal)

    @property
    def _is_worker(self) -> bool:
        return hasattr(self._config, "workerinput")

    def _refuse(self, items: list[pytest.Item], words: str) -> None:
        """End the run with ``words``; a worker cannot, so it leaves them to the controller."""
        self._refusal = words
        if not self._is_worker:
            raise pytest.UsageError(words)
        items[:] = []

    def _collected(self, session: pytest.Session) -> Collected:
        selected = [item for item in session.items if claim_of(item)]
        if not selected and not self._is_without_tests(session.config):
            return Collected()
        _check_tests(selected)
        produced = {case: item for item in self._seen if (case := case_of(item))}
        accepted = self._accepted(produced.values())
        cases = tuple(filter(None, map(case_of, selected)))
        self._check_awake(cases)
        elsewhere = self._suite.documents.claims.keys() - set(self._seen.values())
        untested = self._search(session.config).lacking(elsewhere)
        return Collected(
            cases=cases,
            left_out=(*_left_out(cases, produced, elsewhere - untested), *self._documents_left_out()),
            faults=(
                *(f"claim {id} of the register has no test: no test file has its id" for id in sorted(untested)),
                *self._passed_over(elsewhere - untested),
                *unclaimed(accepted, self._suite.sources),
            ),
        )

    def _check_awake(self, cases: tuple[Case, ...]) -> None:
        """Check that a source has been asked for if nothing else is selected: a run of nothing must not look well.

        Raises
        ------
        UsageError
            It was not; the text says how to.
        """
        sources = {case.source for case in cases}
        if len(sources) == 1 and (how := self._suite.asleep(*sources)) and not self._config.option.collectonly:
            raise UsageError(f"only cases of {sources.pop()} are selected, which {how}")

    def _is_without_tests(self, config: pytest.Config) -> bool:
        """Whether the whole project was collected, and no test of any claim found, though it has a register."""
        args, at_root = config.ArgsSource, config.invocation_params.dir == config.rootpath
        whole = config.args_source is args.TESTPATHS or (config.args_source is args.INVOCATION_DIR and at_root)
        return whole and not self._seen and self._suite.fault is None

    def _accepted(self, items: Iterable[pytest.Item]) -> dict[Path, Produced]:
        """Note the names of the items by the file of their accepted verdicts.

        Raises
        ------
        RecordingError
            A file is none that syrupy wrote; or what this run accepts cannot be written.
        """
        found: dict[Path, Produced] = {}
        for item in items:
            path, name = place_of(item)
            found.setdefault(path, Produced(item.path)).names.add(name)
        if self._suite.options.update == "nothing":
            for path in found:
                check_accepted(path)
            return found
        for folder in {path.parent for path in found}:
            try:
                try_to_write(folder)
            except OSError as error:
                raise RecordingError(f"{folder}: no accepted verdict can be written: {error.strerror}") from None
        return found

    def _search(self, config: pytest.Config) -> ModuleSearch:
        return ModuleSearch(config.rootpath, config.getini("python_files"), config.getini("norecursedirs"))

    def _documents_left_out(self) -> Iterator[str]:
        """Say which documents ``--document`` leaves out: their sources need not be those that this run judges."""
        chosen, held = self._suite.options.documents, self._suite.documents.held
        left = [one.name for one in held if one.register.claims and one.name not in chosen]
        if chosen and left:
            yield f"{listed(left)} left out"

    def _passed_over(self, claims: Container[str]) -> Iterator[str]:
        """Say which modules skip themselves, and which claims go with them."""
        for path, reason in self._skipped.items():
            if held := strings_in(path, claims):
                yield f"{path} skips itself ({reason}), and with it {listed(sorted(held))}: {REMEDY}"


def _check_tests(items: Iterable[pytest.Item]) -> None:
    """Refuse tests of claims that could hide their verdict, or whose verdicts could not be told apart.

    Raises
    ------
    UsageError
        There is such a test; the text names it.
    """
    found: dict[tuple[str, str, str], Case] = {}
    for item in items:
        if reason := _hides(item):
            raise UsageError(f"{item.nodeid}: {reason}")
        case = case_of(item)
        if case is None:
            continue
        other = found.setdefault(case.key, case)
        if other.nodeid != case.nodeid:
            raise UsageError(f"{other.nodeid} and {case.nodeid} are both {case.label}: give one other parameters' ids")


def _hides(item: pytest.Item) -> str | None:
    for name in HIDING:
        if marker := item.get_closest_marker(name):
            why = marker.kwargs.get("reason", "")
            return f"marked {name}{f' ({why})' if why else ''}: {REMEDY}"
    if case_of(item) is None or issubclass(getattr(item, "cls", None) or object, unittest.TestCase):
        return "a claim's test is a function, or a method of a plain class: unittest gives it no measure and no judge"
    if REPEATED in getattr(item, "callspec").params:  # noqa: B009
        return "--count repeats a case under other names: leave it out, --rounds says how often a claim is measured"
    return None


def _left_out(cases: Container[Case], produced: Iterable[Case], uncollected: Container[str]) -> Iterator[str]:
    """Say what a run leaves out of the sources that it judges: cases, and claims that were not even collected."""
    if not cases:
        return
    judged, selected = {case.source for case in cases}, {case.key for case in cases}
    left = Counter(case.source for case in produced if case.source in judged and case.key not in selected)
    for source, count in left.items():
        yield f"{count} {'case' if count == 1 else 'cases'} of {source} left out"
    if uncollected:
        yield f"{len(uncollected)} {'claim' if len(uncollected) == 1 else 'claims'} not collected"
