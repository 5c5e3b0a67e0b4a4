"""SIGTERM becomes an interrupt, once; what others made of it stays."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from llm_claims.judging.termination import Termination


@pytest.fixture(autouse=True)
def default() -> Iterator[None]:
    """The default for SIGTERM, whatever the run of these tests itself has set."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


def test_the_first_signal_interrupts_and_others_do_nothing() -> None:
    termination = Termination()
    termination.watch()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    termination.release()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize("theirs", [signal.SIG_IGN, lambda *_: None], ids=["ignored", "handled"])
def test_what_others_set_before_stays(theirs: signal.Handlers) -> None:
    signal.signal(signal.SIGTERM, theirs)
    termination = Termination()
    termination.watch()
    assert signal.getsignal(signal.SIGTERM) is theirs
    termination.release()
    assert signal.getsignal(signal.SIGTERM) is theirs


def test_what_others_set_meanwhile_stays() -> None:
    termination = Termination()
    termination.watch()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    termination.release()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_one_run_within_another_leaves_the_outer_one_watching() -> None:
    outer, inner = Termination(), Termination()
    outer.watch()
    inner.watch()
    inner.release()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    outer.release()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_other_threads_handle_no_signals() -> None:
    termination = Termination()

    def run() -> None:
        termination.watch()
        termination.release()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_processes_that_are_started_meanwhile_end_as_ever() -> None:
    termination = Termination()
    termination.watch()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    code = "import os, signal; os.kill(os.getpid(), signal.SIGTERM)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGTERM
    termination.release()
