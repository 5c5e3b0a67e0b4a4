"""Keeps what a run measured live, and lets a later run take it over. Lives in the controlling process only."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import pytest

from llm_claims.errors import ClaimsError
from llm_claims.evidence.recordings import LIVE_SOURCES
from llm_claims.judging.fingerprint import Fingerprint, fingerprint_of
from llm_claims.judging.suite import Suite
from llm_claims.sources.kept import KeptEntry, KeptEvidence, read_kept, write_kept

FOLDER, FILE = "llm-claims", "evidence.json"
SOUND = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
"""How a run ends that nobody interrupted."""


class Reuse:
    """A pytest plugin object."""

    def __init__(self, suite: Suite, config: pytest.Config) -> None:
        self._suite = suite
        self._config = config
        self._before: Fingerprint | None = None
        self._offered: KeptEvidence | None = None
        self._reason = ""

    def begin(self) -> None:
        """Look at everything that evidence depends on, and at what was kept: something may be measured now."""
        self._before = self._fingerprint()
        if self._suite.options.reuse:
            self._offered, self._reason = self._usable(self._before)
            if self._offered is not None:
                self._suite.store.offer(self._offered)

    def _fingerprint(self) -> Fingerprint:
        options = self._suite.options
        return fingerprint_of(options.cpu_program, options.rounds, options.gpu_program)

    def _usable(self, now: Fingerprint) -> tuple[KeptEvidence | None, str]:
        """Return what was kept if it may be taken over, or else the reason why not."""
        if self._path is None:
            return None, "pytest's cache, where it is kept, cannot be used"
        if not self._path.exists():
            return None, "no earlier run kept any evidence"
        try:
            kept = read_kept(self._path)
        except ClaimsError as error:
            return None, f"what was kept is damaged: {error}"
        changes = now.changes(since=kept.fingerprint)
        return (None, f"since it was measured, {changes}") if changes else (kept, "")

    @cached_property
    def _path(self) -> Path | None:
        cache: pytest.Cache | None = getattr(self._config, "cache", None)
        try:
            return cache and cache.mkdir(FOLDER) / FILE
        except OSError:
            return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Say why nothing was reused; keep what was measured, unless the run was interrupted."""
        if self._before is None:
            return
        entries = [entry for source in LIVE_SOURCES for entry in self._suite.store.entries(source)]
        measured = [entry for entry in entries if not self._was_offered(entry)]
        if self._suite.options.reuse and measured and len(measured) == len(entries):
            reason = self._reason or "what was kept is of other workloads, or of fewer rounds"
            self._suite.remarks.append(f"no evidence was reused: {reason}")
        if measured and exitstatus in SOUND and self._fingerprint() == self._before:
            self._keep(self._before, measured)

    def _was_offered(self, entry: KeptEntry) -> bool:
        offered = self._offered.entries if self._offered else ()
        return any(one.name == entry.name and one.evidence == entry.evidence for one in offered)

    def _keep(self, fingerprint: Fingerprint, measured: list[KeptEntry]) -> None:
        if self._path is None:
            return
        base = self._offered
        if base is None:
            base, _ = self._usable(fingerprint)
            base = base or KeptEvidence(fingerprint=fingerprint, entries=())
            # What other runs measured was in no pass with this.
            measured = [entry.later(base.latest_round) for entry in measured]
        lost = {(source, key) for source in LIVE_SOURCES for key in self._suite.store.failures(source)}
        try:
            write_kept(base.updated(measured, lost), self._path)
        except OSError as error:
            self._suite.remarks.append(f"the evidence could not be kept for reuse: {error}")
