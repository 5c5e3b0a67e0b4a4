"""The launcher against an emulated account: jobs and endpoints as they go well and ill."""

from __future__ import annotations

import os
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
from llm_claims.sagemaker.specs import EndpointSpec, JobResult, TrainingSpec
from tests.emulator.client import Emulator

from ..emulator.requests import LMI, archive, eventually

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
def launcher(account: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Launcher]:
    import jsonschema

    # The SDK checks its own configuration eleven times a job, for seconds.
    monkeypatch.setattr(jsonschema, "validate", lambda instance, schema: None)
    made = Launcher(Account.of_environment(), RunId.new(datetime.now(UTC)), Journal(tmp_path / "journal"), pace=QUICK)
    yield made
    account.clear_faults()
    report = made.close()
    assert report.clean, report.describe()
    assert account.resources() == []


def training(tmp_path: Path, command: str) -> TrainingSpec:
    source = tmp_path / "source"
    source.mkdir()
    (source / "program.sh").write_text("echo trained for $WHOM in s3://secret-bucket/x\n")
    return TrainingSpec("train", LMI, "ml.g5.2xlarge", 1, source, command, {"WHOM": "nobody"}, 900)


def train(launcher: Launcher, tmp_path: Path, command: str = "true") -> JobResult:
    return launcher.train(training(tmp_path, command), on_line=lambda host, line: None)


def serving(tmp_path: Path, handler: str = HANDLER) -> EndpointSpec:
    path = tmp_path / "model.tar.gz"
    path.write_bytes(archive({"serving.properties": "engine=Python\n", "model.py": handler}))
    return EndpointSpec("serve", LMI, "ml.g5.2xlarge", path, {}, 20, 3600)


def test_a_job_runs_to_its_end_and_its_log_comes_scrubbed(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    heard: list[tuple[str, str]] = []
    end = launcher.train(training(tmp_path, "sh program.sh"), on_line=lambda host, line: heard.append((host, line)))
    assert (end.status, end.failure, end.instance_type, end.instance_count) == ("Completed", None, "ml.g5.2xlarge", 1)
    assert ("algo-1", "trained for nobody in s3://<bucket>/x") in heard
    assert tuple(line for _, line in heard) == end.lines
    assert end.billable_seconds >= 1
    assert end.image_digest is not None
    assert end.image_digest.startswith("sha256:")
    (created,) = account.calls("CreateTrainingJob")
    asked = created["params"]
    assert len(asked["TrainingJobName"]) == 63
    assert RunId.of_name(asked["TrainingJobName"]) == launcher.run
    assert asked["StoppingCondition"]["MaxRuntimeInSeconds"] == 900
    assert asked["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0) == 0
    assert {tag["Key"] for tag in asked["Tags"]} == {"llm-claims:run", "llm-claims:created", "llm-claims:owner"}
    assert asked["OutputDataConfig"]["S3OutputPath"].startswith(f"s3://{account.bucket}/{launcher.run.s3_prefix}")
    uploads = [call["name"] for call in account.calls("PutObject")]
    assert all(launcher.run.s3_prefix in name for name in uploads)
    assert account.calls("CreateBucket") == []
    # Nobody else reads what the journal says.
    for path in launcher.journal.folder.iterdir():
        assert os.stat(path).st_mode & 0o077 == 0


def test_a_job_that_fails_says_why(launcher: Launcher, tmp_path: Path) -> None:
    end = train(launcher, tmp_path, "echo went wrong in 123456789012 > /opt/ml/output/failure; exit 3")
    assert end.status == "Failed"
    assert "went wrong in <account>" in (end.failure or "")


@pytest.mark.parametrize(
    ("fault", "words"), [("capacity", "no machine for training job"), ("quota", "creating training job")]
)
def test_a_job_without_machine_or_quota_is_want_of_capacity(
    launcher: Launcher, account: Emulator, tmp_path: Path, fault: str, words: str
) -> None:
    account.fault(fault, "CreateTrainingJob", times=0)
    with pytest.raises(NoCapacity, match=words):
        train(launcher, tmp_path)


def test_a_lost_answer_creates_no_second_job(
    launcher: Launcher, account: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    account.fault("lost_response", "CreateTrainingJob")
    assert train(launcher, tmp_path).status == "Completed"
    assert len({call["params"]["TrainingJobName"] for call in account.calls("CreateTrainingJob")}) == 1


def test_a_network_and_a_key_are_used_where_they_are_set(
    account: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import jsonschema

    monkeypatch.setattr(jsonschema, "validate", lambda instance, schema: None)
    monkeypatch.setenv("LLM_CLAIMS_SUBNETS", "subnet-0a, subnet-0b")
    monkeypatch.setenv("LLM_CLAIMS_SECURITY_GROUPS", "sg-0c")
    monkeypatch.setenv("LLM_CLAIMS_KMS_KEY", "a-key")
    made = Launcher(Account.of_environment(), RunId.new(datetime.now(UTC)), Journal(tmp_path / "journal"), pace=QUICK)
    assert train(made, tmp_path).status == "Completed"
    with made.serving(serving(tmp_path)) as endpoint:
        endpoint.invoke(b"{}", 10)
    s3 = account.client("s3")
    sources = [row["name"].partition(f"{account.bucket}/")[2] for row in account.resources("object")]
    # The job's own output is the emulator's.
    uploads = [s3.head_object(Bucket=account.bucket, Key=key) for key in sources if "/output/" not in key]
    assert len(uploads) >= 2
    assert {(one.get("ServerSideEncryption"), one.get("SSEKMSKeyId")) for one in uploads} == {("aws:kms", "a-key")}
    network = {"Subnets": ["subnet-0a", "subnet-0b"], "SecurityGroupIds": ["sg-0c"]}
    for operation in ("CreateTrainingJob", "CreateModel"):
        assert account.calls(operation)[0]["params"]["VpcConfig"] == network
    assert account.calls("CreateTrainingJob")[0]["params"]["OutputDataConfig"]["KmsKeyId"] == "a-key"
    assert made.close().clean


def talks(lines: int = 12) -> str:
    return f"for n in $(seq {lines}); do echo line $n; sleep 0.05; done"


@pytest.mark.parametrize(
    ("operation", "nth", "times"),
    [
        ("GetLogEvents", 2, 5),
        pytest.param("DescribeLogStreams", 2, 5, marks=pytest.mark.slow),
        pytest.param("DescribeTrainingJob", 2, 5, marks=pytest.mark.slow),
    ],
)
def test_calls_that_fail_for_a_while_lose_nothing(
    launcher: Launcher, account: Emulator, tmp_path: Path, operation: str, nth: int, times: int
) -> None:
    account.fault("throttling", operation, nth=nth, times=times)
    end = train(launcher, tmp_path, talks())
    assert (end.status, end.failure) == ("Completed", None)
    assert [line for line in end.lines if line.startswith("line ")] == [f"line {n}" for n in range(1, 13)]
    assert account.calls("StopTrainingJob") == []


def test_empty_pages_of_a_log_are_not_its_end(launcher: Launcher, account: Emulator, tmp_path: Path) -> None:
    account.settings(empty_log_pages=3)
    assert "line 12" in train(launcher, tmp_path, talks()).lines


def test_a_job_that_aws_says_nothing_more_of_keeps_what_was_heard_and_is_stopped(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    heard: list[str] = []

    def hear(host: str, line: str) -> None:
        if line == "line 1":
            account.fault("internal", "DescribeTrainingJob", times=0)
        heard.append(line)

    launcher.pace = replace(QUICK, trouble=0.5)
    end = launcher.train(training(tmp_path, f"{talks(4)}; sleep 100"), on_line=hear)
    assert (end.status, end.billable_seconds) == ("Unknown", None)
    assert "looking at training job" in (end.failure or "")
    assert "line 1" in end.lines
    assert tuple(heard) == end.lines
    # The sweep finds it and stops it.
    assert "training job" in {entry.type for entry in launcher.journal.own_entries()}


def test_a_log_that_can_never_be_read_to_its_end_keeps_what_was_heard(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    def hear(host: str, line: str) -> None:
        if line == "line 1":
            account.fault("access_denied", "GetLogEvents", times=0)

    launcher.pace = replace(QUICK, trouble=0.5)
    end = launcher.train(training(tmp_path, talks(4)), on_line=hear)
    assert end.status == "Completed"
    assert "reading the log" in (end.failure or "")
    assert "line 1" in end.lines


def test_a_completed_job_is_listened_to_for_longer_if_not_all_was_heard(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    """CloudWatch shows its lines later than a log is usually quiet for."""
    account.settings(log_delay_seconds=1.5)
    heard: list[str] = []
    launcher.pace = replace(QUICK, lag=10.0)
    launcher.train(
        training(tmp_path, "echo answer"),
        on_line=lambda host, line: heard.append(line),
        heard_all=lambda: "answer" in heard,
    )
    assert "answer" in heard


def test_an_endpoint_is_waited_for_through_calls_that_fail(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    account.settings(start_seconds=1.0)
    account.fault("throttling", "DescribeEndpoint", nth=2, times=5)
    with launcher.serving(serving(tmp_path)) as endpoint:
        assert endpoint.invoke(b"{}", 10)


def test_a_job_that_is_interrupted_is_stopped(launcher: Launcher, account: Emulator, tmp_path: Path) -> None:
    def interrupt(host: str, line: str) -> None:
        if line == "started":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        launcher.train(training(tmp_path, "echo started; sleep 1000"), on_line=interrupt)
    assert len(account.calls("StopTrainingJob")) == 1


def test_an_endpoint_serves_and_is_gone_afterwards(launcher: Launcher, account: Emulator, tmp_path: Path) -> None:
    with launcher.serving(serving(tmp_path)) as endpoint:
        assert endpoint.invoke(b"{}", 10).replace(b"\n", b"").replace(b" ", b"") == b'{"ok":true}'
        assert endpoint.instance_type == "ml.g5.2xlarge"
        assert (endpoint.image_digest or "").startswith("sha256:")
        assert eventually(lambda: "ready, in account <account>" in endpoint.lines())
        assert {row["kind"] for row in account.resources()} >= {"endpoint", "endpoint-config", "model", "schedule"}
        with pytest.raises(EndpointError, match="did not answer: ModelError") as caught:
            endpoint.invoke(b"fail", 10)
        assert "about to fail" in str(caught.value)
        assert "123456789012" not in str(caught.value)
    assert {row["kind"] for row in account.resources()} == {"object"}
    order = [call["operation"] for call in account.calls()]
    assert order.index("CreateSchedule") < order.index("CreateEndpoint")
    assert order.index("DeleteEndpoint") < order.index("DeleteEndpointConfig")


def test_the_schedule_deletes_an_endpoint_that_its_run_forgot(
    launcher: Launcher, account: Emulator, tmp_path: Path
) -> None:
    with launcher.serving(serving(tmp_path)):
        account.clock(offset_seconds=3700)
        eventually(lambda: not account.resources("endpoint"))


BROKEN = "print('no model here', flush=True)\nraise SystemExit(3)\n"


@pytest.mark.parametrize(
    ("handler", "seconds", "words"),
    [(BROKEN, 20, "did not start(.|\n)*no model here"), (HANDLER, 1, "is not in service after 1 s")],
    ids=["broken", "slow"],
)
def test_an_endpoint_that_does_not_come_into_service_is_an_error_and_is_deleted(
    launcher: Launcher, account: Emulator, tmp_path: Path, handler: str, seconds: int, words: str
) -> None:
    if seconds == 1:
        account.settings(start_seconds=3.0)
    spec = replace(serving(tmp_path, handler), start_up_seconds=seconds)
    with pytest.raises(EndpointError, match=words), launcher.serving(spec):
        raise AssertionError("it came into service")
    # AWS refuses to delete what is being created: the launcher has asked again.
    assert len(account.calls("DeleteEndpoint")) > (seconds == 1)
    assert account.resources("endpoint", "endpoint-config", "model", "schedule") == []


@pytest.mark.parametrize(
    ("fault", "operation", "error", "words"),
    [
        ("capacity", "CreateEndpoint", NoCapacity, "no machine for endpoint"),
        ("access_denied", "CreateSchedule", CloudError, "scheduling the deletion of endpoint"),
    ],
)
def test_without_a_machine_or_a_schedule_there_is_no_endpoint(
    launcher: Launcher, account: Emulator, tmp_path: Path, fault: str, operation: str, error: type, words: str
) -> None:
    account.fault(fault, operation, times=0)
    with pytest.raises(error, match=words), launcher.serving(serving(tmp_path)):
        raise AssertionError("it came into service")
    assert len(account.calls("CreateEndpoint")) == (fault == "capacity")


def test_a_worker_closes_its_own_and_leaves_the_others(
    launcher: Launcher, account: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Launcher(launcher.account, launcher.run, Journal(launcher.journal.folder), pace=QUICK)
    with launcher.serving(serving(tmp_path)) as endpoint:
        monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")
        assert other.close().clean
        monkeypatch.delenv("PYTEST_XDIST_WORKER")
        endpoint.invoke(b"{}", 10)
        assert other.close(whole_run=True).clean
        assert account.resources() == []
