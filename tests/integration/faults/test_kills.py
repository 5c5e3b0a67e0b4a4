"""A run that is killed with -9 at a random moment, and a sweep by a machine that has no journal of it."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llm_claims.cli import main
from llm_claims.sagemaker.names import RunId
from tests.emulator.client import Emulator
from tests.integration.faults.bench import _prepare

ROOT = Path(__file__).parents[3]
CLIENT = """
import sys
from pathlib import Path
import jsonschema
jsonschema.validate = lambda instance, schema: None
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import RunId
from tests.integration.faults import scenarios
import sagemaker.train.model_trainer
print("ready", flush=True)
scenario, run, journal, files = sys.argv[1:]
scenarios.launch(scenario, Account.of_environment(), RunId(run), Path(journal), Path(files))
"""
SECONDS = {"train": 3.0, "serve": 2.0}
"""About how long each takes from its first call to its last."""


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_a_machine_without_a_journal_sweeps_a_killed_run_to_nothing(
    account: Emulator, tmp_path: Path, number: int
) -> None:
    moment = random.Random(number)
    scenario = moment.choice(sorted(SECONDS))
    run = RunId.new(datetime.now(UTC))
    files = _prepare(tmp_path / "files")
    arguments = [scenario, run.text, str(tmp_path / "journal"), str(files)]
    client = subprocess.Popen(
        [sys.executable, "-c", CLIENT, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert client.stdout is not None
    assert client.stdout.readline() == "ready\n"
    time.sleep(moment.uniform(0, SECONDS[scenario]))
    client.kill()
    client.communicate()
    assert client.returncode in (-signal.SIGKILL, 0)
    # A call that was under way has arrived by then.
    time.sleep(1.0)
    elsewhere = str(tmp_path / "no-journal")
    assert main(["sweep", "--run", run.text, "--journal", elsewhere, "--poll", "0.2", "--patience", "30"]) == 0
    assert account.resources() == []
