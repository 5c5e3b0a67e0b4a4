"""What the client does in a case. Each runs in a child process of its own, and ends with an exit status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from llm_claims.judging.termination import Termination
from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import CloudError
from llm_claims.sagemaker.journal import Journal
from llm_claims.sagemaker.launcher import Launcher
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import QUICK
from llm_claims.sagemaker.preflight import PlannedResources, check
from llm_claims.sagemaker.specs import EndpointSpec, TrainingSpec
from tests.integration.faults.planted import IMAGE, INSTANCE
from tests.integration.faults.strikes import IN_FLIGHT_SECONDS

# Short waits: a fault that stays must not hold up the matrix.
PATIENCE = 2.0
PACE = replace(QUICK, poll=0.05, quiet=0.6, trouble=0.5, settle=0.2, patience=PATIENCE)
CLEAN, UNCLEAN, INTERRUPTED = 0, 1, 130


def _train(launcher: Launcher, files: Path) -> None:
    spec = TrainingSpec(
        label="train",
        image=IMAGE,
        instance_type=INSTANCE,
        instance_count=1,
        source=files / "source",
        command="true",
        # A container in which every command of the SDK's script is a quick one.
        environment={"PATH": str(files / "quick")},
        max_runtime_seconds=900,
    )
    launcher.train(spec, on_line=lambda host, line: None)


def _serve(launcher: Launcher, files: Path, archive: str = "model.tar.gz") -> None:
    spec = EndpointSpec(
        label="serve",
        image=IMAGE,
        instance_type=INSTANCE,
        archive=files / archive,
        environment={},
        start_up_seconds=20,
        lifetime_seconds=3600,
    )
    with launcher.serving(spec) as endpoint:
        endpoint.invoke(b"{}", 10)
        endpoint.lines()


def _preflight(launcher: Launcher, files: Path) -> None:
    check(launcher.account, PlannedResources({INSTANCE: 1}, {INSTANCE: 1}, frozenset({IMAGE})))


def _upload(launcher: Launcher, files: Path) -> None:
    # Large enough to go up in parts.
    _serve(launcher, files, "large.tar.gz")


LAUNCHES: dict[str, Callable[[Launcher, Path], None]] = {
    "preflight": _preflight,
    "train": _train,
    "serve": _serve,
    "upload": _upload,
}


def launch(scenario: str, account: Account, run: RunId, journal: Path, files: Path) -> int:
    """Do what a session does: launch, and close whatever happened; say whether nothing is left."""
    termination = Termination()
    termination.watch()
    launcher = Launcher(account, run, Journal(journal), pace=PACE)
    try:
        LAUNCHES[scenario](launcher, files)
    except (CloudError, KeyboardInterrupt) as error:
        print(f"{type(error).__name__}: {error}", flush=True)
    try:
        report = launcher.close()
    except KeyboardInterrupt:
        return INTERRUPTED
    print(report.describe(), flush=True)
    return CLEAN if report.clean else UNCLEAN


def sweep(run: RunId, journal: Path, *, by_age: bool, patience: float) -> int:
    """Run the command `llm-claims sweep`."""
    from llm_claims.cli import main

    # Longer than a call may be under way when its caller is killed.
    settle = 2 * IN_FLIGHT_SECONDS if journal.exists() else PACE.settle
    which = ["--older-than", "1d"] if by_age else ["--run", run.text]
    pace = ["--patience", str(patience), "--poll", str(PACE.poll), "--settle", str(settle)]
    return main(["sweep", *which, "--journal", str(journal), *pace])
