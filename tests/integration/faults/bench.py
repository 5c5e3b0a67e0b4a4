"""One bench: an emulator, and a client forked for every case; cases come in and results go out as lines of JSON.

A process of its own, which imports everything once and has no threads: a fork of it is a fresh client in no time.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.names import RunId
from tests.emulator.client import Emulator
from tests.integration.faults import scenarios, strikes
from tests.integration.faults.cases import CHANGES, EMULATED, IN_FLIGHT, REFUSALS, SIGNALS, Case, Result
from tests.integration.faults.planted import INSTANCE, Foreign, is_of, plant, plant_costly, shown

_HANDLER = """
from djl_python import Output
def handle(inputs):
    return None if inputs.is_empty() else Output().add_as_json({"ok": True})
"""
_USES = ("training job", "endpoint", "training warm pool")


class Bench:
    """Runs cases, one after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self._emulator = Emulator.start()
        os.environ.update(self._emulator.environment())
        self._emulator.settings(quotas={f"{INSTANCE} for {use} usage": 100 for use in _USES}, stop_grace_seconds=0.2)
        self._files = _prepare(folder / "files")
        self._foreign = Foreign(self._emulator, self._files / "model.tar.gz")
        strikes.hasten()
        _trust_configuration()
        with contextlib.redirect_stdout(sys.stderr):
            self._account = _warm_account(self._files, folder / "warm")

    def run(self, case: Case) -> Result:
        """Plant, let the fault happen to a client, sweep without it, and look at what is there."""
        began, emulator = time.monotonic(), self._emulator
        self._number += 1
        folder = self._folder / f"case-{self._number}"
        folder.mkdir()
        by_age = case.scenario == "sweep by age"
        run = RunId.new(datetime.now(UTC) - timedelta(days=2 if by_age else 0))
        since = max((call["number"] for call in emulator.calls()), default=0)
        if case.scenario.startswith("sweep"):
            plant(emulator, run.name("left"), run.s3_prefix, run.tags("llm-claims"))
            plant_costly(emulator, run.name("warm"), run.s3_prefix, run.tags("llm-claims"))
        if by_age:
            emulator.backdate(run.text, timedelta(days=2).total_seconds())
        self._set_fault(case)
        client = self._client(case, run, folder)
        status = _in_child(client, folder / "output")
        happened = self._happened(case, folder)
        said_clean = status == scenarios.CLEAN if status >= 0 else None
        left_then = self._left(run) if said_clean or case.fault in SIGNALS else []
        emulator.clear_faults()
        journal = folder / "journal"
        swept = _in_child(lambda: scenarios.sweep(run, journal, by_age=by_age, patience=20.0), folder / "output")
        calls = emulator.calls(since=since)
        return Result(
            happened=happened,
            ended=str(status),
            said_clean=said_clean,
            left_then=left_then,
            sweep_status=swept,
            left=self._left(run) + self._unfinished(run),
            touched=self._foreign.touched(calls, CHANGES),
            seconds=time.monotonic() - began,
            output=(folder / "output").read_text(errors="replace")[-6000:],
            calls=(folder / "seen").read_text().split() if (folder / "seen").exists() else [],
        )

    def _client(self, case: Case, run: RunId, folder: Path) -> Callable[[], int]:
        def client() -> int:
            strikes.install(case.operation, case.fault, folder / "seen", folder / "struck")
            if case.scenario.startswith("sweep"):
                by_age = case.scenario == "sweep by age"
                return scenarios.sweep(run, folder / "journal", by_age=by_age, patience=scenarios.PATIENCE)
            return scenarios.launch(case.scenario, self._account, run, folder / "journal", self._files)

        return client

    def _set_fault(self, case: Case) -> None:
        operation = EMULATED.get(case.operation, case.operation)
        if case.fault in REFUSALS:
            # A refusal stays for as long as the client lives; one answer is lost.
            self._emulator.fault(case.fault, operation, times=1 if case.fault == "lost_response" else 0)
        if case.fault == IN_FLIGHT:
            self._emulator.fault("slow", operation, seconds=strikes.IN_FLIGHT_SECONDS)

    def _happened(self, case: Case, folder: Path) -> bool:
        if case.fault in REFUSALS:
            return any(fault["happened"] for fault in self._emulator.ask("GET", "faults"))
        return case.fault == "none" or (folder / "struck").exists()

    def _left(self, run: RunId) -> list[str]:
        return sorted(shown(row) for row in self._emulator.resources() if is_of(row, run.text))

    def _unfinished(self, run: RunId) -> list[str]:
        found = self._emulator.client("s3").list_multipart_uploads(Bucket=self._emulator.bucket)
        return [f"unfinished upload {one['Key']}" for one in found.get("Uploads", []) if run.text in one["Key"]]

    def close(self) -> None:
        """End the emulator."""
        self._emulator.close()


def _trust_configuration() -> None:
    """Spare every client the SDK's checks of its own configuration: eleven a job, of the same few lines, for 4 s."""
    import jsonschema

    jsonschema.validate = lambda instance, schema: None


def _warm_account(files: Path, folder: Path) -> Account:
    """An account that was used once, so that all is loaded, and then hung up: a fork of it is as good as new."""
    from sagemaker.core.utils.utils import SageMakerClient

    account = Account.of_environment()
    Account.of_environment = classmethod(lambda cls, environment=None: account)  # type: ignore[method-assign,assignment]
    for scenario in scenarios.LAUNCHES:
        scenarios.launch(scenario, account, RunId.new(datetime.now(UTC)), folder, files)
    for client in [*account._clients.values(), SageMakerClient(session=account.session).sagemaker_client]:
        client.close()
    del account.__dict__["caller"]
    return account


def _prepare(folder: Path) -> Path:
    (folder / "source").mkdir(parents=True)
    (folder / "source" / "program.py").write_text("print('trained')\n")
    (folder / "quick").mkdir()
    for name in ("python3", "pip3", "cat", "chmod", "mkdir"):
        command = folder / "quick" / name
        command.write_text("#!/bin/sh\nexit 0\n")
        command.chmod(0o755)
    (folder / "model").mkdir()
    (folder / "model" / "serving.properties").write_text("engine=Python\n")
    (folder / "model" / "model.py").write_text(_HANDLER)
    _pack(folder, "model.tar.gz")
    (folder / "model" / "weights").write_bytes(os.urandom(9 << 20))
    _pack(folder, "large.tar.gz")
    return folder


def _pack(folder: Path, name: str) -> None:
    with tarfile.open(folder / name, "w:gz") as archive:
        for path in sorted((folder / "model").iterdir()):
            archive.add(path, arcname=path.name)


def _in_child(client: Callable[[], int], output: Path) -> int:
    """Run in a fork; return the exit status, or minus the signal that ended it."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            handle = os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            sys.stdout = os.fdopen(1, "w")
            status = client()
            sys.stdout.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="llm-claims-faults-") as folder:
        bench = Bench(Path(folder))
        try:
            for line in sys.stdin:
                print(json.dumps(asdict(bench.run(Case(**json.loads(line))))), flush=True)
        finally:
            bench.close()


if __name__ == "__main__":
    main()
