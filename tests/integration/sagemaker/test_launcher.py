"""The launcher against an emulated account: jobs and endpoints as they go well and ill."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import CloudError, EndpointError, NoCapacity
from llm_claims.sagemaker.journal import Journal
from llm_claims.sagemaker.launcher import Launcher
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import QUICK
from llm_claims.sagemaker.specs import EndpointSpec, TrainingSpec
from tests.emulator.client import Emulator

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.38.0-lmi29.0.0-cu130"
HANDLER = """
from djl_python import Output
def handle(inputs):
    if inputs.is_empty():
        print("ready, in account 123456789012", flush=True)
        return None
    if inputs.get_as_string() == "fail":
        print("about to fail", flush=True)
        raise RuntimeError("out of luck")
    return Output().add_as_json({"ok": True})
"""


@pytest.fixture
def launcher(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Launcher]:
    for name, value in emulator.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    emulator.settings(stop_grace_seconds=0.2)
    made = Launcher(Account.of_environment(), RunId.new(datetime.now(UTC)), Journal(tmp_path / "journal"), pace=QUICK)
    yield made
    emulator.clear_faults()
    report = made.close()
    assert report.clean, report.describe()
    assert emulator.resources() == []


def training(tmp_path: Path, command: str, **changes: object) -> TrainingSpec:
    source = tmp_path / "source"
    source.mkdir()
    (source / "program.sh").write_text("echo trained for $WHOM in s3://secret-bucket/x\n")
    spec = TrainingSpec("train", IMAGE, "ml.g5.2xlarge", 1, source, command, {"WHOM": "nobody"}, 900)
    return replace(spec, **changes)  # type: ignore[arg-type]


@pytest.fixture
def serving(tmp_path: Path) -> EndpointSpec:
    (tmp_path / "serving.properties").write_text("engine=Python\n")
    (tmp_path / "model.py").write_text(HANDLER)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        for name in ("serving.properties", "model.py"):
            archive.add(tmp_path / name, arcname=name)
    return EndpointSpec("serve", IMAGE, "ml.g5.2xlarge", tmp_path / "model.tar.gz", {}, 20, 3600)


def test_a_job_runs_to_its_end_and_its_log_comes_scrubbed(
    launcher: Launcher, emulator: Emulator, tmp_path: Path
) -> None:
    heard: list[tuple[str, str]] = []
    end = launcher.train(training(tmp_path, "sh program.sh"), on_line=lambda host, line: heard.append((host, line)))
    assert (end.status, end.failure, end.instance_type, end.instance_count) == ("Completed", None, "ml.g5.2xlarge", 1)
    assert ("algo-1", "trained for nobody in s3://<bucket>/x") in heard
    assert tuple(line for _, line in heard) == end.lines
    assert end.billable_seconds >= 1
    assert end.image_digest is not None
    assert end.image_digest.startswith("sha256:")
    (created,) = emulator.calls("CreateTrainingJob")
    asked = created["params"]
    assert len(asked["TrainingJobName"]) == 63
    assert RunId.of_name(asked["TrainingJobName"]) == launcher.run
    assert asked["StoppingCondition"]["MaxRuntimeInSeconds"] == 900
    assert asked["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0) == 0
    assert {tag["Key"] for tag in asked["Tags"]} == {"llm-claims:run", "llm-claims:created", "llm-claims:owner"}
    assert asked["OutputDataConfig"]["S3OutputPath"].startswith(f"s3://{emulator.bucket}/{launcher.run.s3_prefix}")
    uploads = [call["name"] for call in emulator.calls("PutObject")]
    assert all(launcher.run.s3_prefix in name for name in uploads)
    assert emulator.calls("CreateBucket") == []


def test_a_job_that_fails_says_why(launcher: Launcher, tmp_path: Path) -> None:
    command = "echo went wrong in 123456789012 > /opt/ml/output/failure; exit 3"
    end = launcher.train(training(tmp_path, command), on_line=lambda host, line: None)
    assert end.status == "Failed"
    assert end.failure is not None
    assert "went wrong in <account>" in end.failure


def test_a_job_without_a_machine_is_want_of_capacity(launcher: Launcher, emulator: Emulator, tmp_path: Path) -> None:
    emulator.fault("capacity", "CreateTrainingJob")
    with pytest.raises(NoCapacity, match="no machine for training job"):
        launcher.train(training(tmp_path, "true"), on_line=lambda host, line: None)


@pytest.mark.parametrize("fault", ["quota", "no_capacity"])
def test_a_job_without_quota_is_want_of_capacity(
    launcher: Launcher, emulator: Emulator, tmp_path: Path, fault: str
) -> None:
    emulator.fault(fault, "CreateTrainingJob", times=0)
    with pytest.raises(NoCapacity, match="creating training job"):
        launcher.train(training(tmp_path, "true"), on_line=lambda host, line: None)


def test_a_lost_answer_creates_no_second_job(
    launcher: Launcher, emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    emulator.fault("lost_response", "CreateTrainingJob")
    assert launcher.train(training(tmp_path, "true"), on_line=lambda host, line: None).status == "Completed"
    names = {call["params"]["TrainingJobName"] for call in emulator.calls("CreateTrainingJob")}
    assert len(names) == 1


def test_a_job_that_is_interrupted_is_stopped(launcher: Launcher, emulator: Emulator, tmp_path: Path) -> None:
    def interrupt(host: str, line: str) -> None:
        if line == "started":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launcher.train(training(tmp_path, "echo started; sleep 1000"), on_line=interrupt)
    assert len(emulator.calls("StopTrainingJob")) == 1


def test_an_endpoint_serves_and_is_gone_afterwards(
    launcher: Launcher, emulator: Emulator, serving: EndpointSpec
) -> None:
    with launcher.serving(serving) as endpoint:
        assert endpoint.invoke(b"{}", 10).replace(b"\n", b"").replace(b" ", b"") == b'{"ok":true}'
        assert endpoint.instance_type == "ml.g5.2xlarge"
        assert (endpoint.image_digest or "").startswith("sha256:")
        assert "ready, in account <account>" in endpoint.lines()
        assert {row["kind"] for row in emulator.resources()} >= {"endpoint", "endpoint-config", "model", "schedule"}
    assert {row["kind"] for row in emulator.resources()} == {"object"}
    order = [call["operation"] for call in emulator.calls()]
    assert order.index("CreateSchedule") < order.index("CreateEndpoint")
    assert order.index("DeleteEndpoint") < order.index("DeleteEndpointConfig")


def test_the_schedule_deletes_an_endpoint_that_its_run_forgot(
    launcher: Launcher, emulator: Emulator, serving: EndpointSpec
) -> None:
    import time

    with launcher.serving(replace(serving, lifetime_seconds=2)):
        end = time.monotonic() + 30
        while emulator.resources("endpoint"):
            assert time.monotonic() < end, "the schedule does not fire"
            time.sleep(0.2)


def test_a_model_that_fails_is_an_error_with_its_log(launcher: Launcher, serving: EndpointSpec) -> None:
    with launcher.serving(serving) as endpoint, pytest.raises(EndpointError) as caught:
        endpoint.invoke(b"fail", 10)
    text = str(caught.value)
    assert "did not answer: ModelError" in text
    assert "about to fail" in text
    assert "123456789012" not in text


def test_an_endpoint_that_does_not_start_is_an_error_with_its_log(
    launcher: Launcher, serving: EndpointSpec, tmp_path: Path
) -> None:
    (tmp_path / "model.py").write_text("print('no model here', flush=True)\nraise SystemExit(3)\n")
    with tarfile.open(tmp_path / "broken.tar.gz", "w:gz") as archive:
        for name in ("serving.properties", "model.py"):
            archive.add(tmp_path / name, arcname=name)
    with (
        pytest.raises(EndpointError, match="did not start") as caught,
        launcher.serving(replace(serving, archive=tmp_path / "broken.tar.gz")),
    ):
        raise AssertionError("it came into service")
    assert "no model here" in str(caught.value)


def test_an_endpoint_that_takes_too_long_is_deleted(
    launcher: Launcher, emulator: Emulator, serving: EndpointSpec
) -> None:
    emulator.settings(start_seconds=3.0)
    with (
        pytest.raises(EndpointError, match="is not in service after 1 s"),
        launcher.serving(replace(serving, start_up_seconds=1)),
    ):
        raise AssertionError("it came into service")
    # AWS refuses to delete what is being created: the launcher has asked again.
    assert len(emulator.calls("DeleteEndpoint")) > 1
    assert emulator.resources("endpoint", "endpoint-config", "model", "schedule") == []


def test_an_endpoint_without_a_machine_is_want_of_capacity(
    launcher: Launcher, emulator: Emulator, serving: EndpointSpec
) -> None:
    emulator.fault("capacity", "CreateEndpoint")
    with pytest.raises(NoCapacity, match="no machine for endpoint"), launcher.serving(serving):
        raise AssertionError("it came into service")


def test_without_a_schedule_there_is_no_endpoint(launcher: Launcher, emulator: Emulator, serving: EndpointSpec) -> None:
    emulator.fault("access_denied", "CreateSchedule", times=0)
    with pytest.raises(CloudError, match="scheduling the deletion of endpoint"), launcher.serving(serving):
        raise AssertionError("it came into service")
    assert emulator.calls("CreateEndpoint") == []


def test_a_worker_closes_its_own_and_leaves_the_others(
    launcher: Launcher, emulator: Emulator, serving: EndpointSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Launcher(launcher.account, launcher.run, Journal(launcher.journal.folder), pace=QUICK)
    with launcher.serving(serving) as endpoint:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
        assert other.close().clean
        monkeypatch.delenv("PYTEST_XDIST_WORKER")
        endpoint.invoke(b"{}", 10)
        assert other.close(whole_run=True).clean
        assert emulator.resources() == []


def test_what_is_uploaded_and_said_names_no_journal(launcher: Launcher, tmp_path: Path) -> None:
    launcher.train(training(tmp_path, "true"), on_line=lambda host, line: None)
    for path in launcher.journal.folder.iterdir():
        assert os.stat(path).st_mode & 0o077 == 0
