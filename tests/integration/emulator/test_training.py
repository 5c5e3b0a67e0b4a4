"""Training jobs run, and end in all the ways they can."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.emulator.client import Emulator

from .requests import GROUP, ended, eventually, job, lines, said, start_job


def test_runs_the_entry_point_with_its_channels_and_variables(emulator: Emulator) -> None:
    emulator.client("s3").put_object(Bucket=emulator.bucket, Key="in/deep/data.txt", Body=b"forty-two")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/in/"}}
    start_job(
        emulator,
        "first",
        "cat /opt/ml/input/data/facts/deep/data.txt; echo; echo word=$WORD name=$TRAINING_JOB_NAME;"
        "cat /opt/ml/input/config/*.json; echo model > /opt/ml/model/weights",
        Environment={"WORD": "yes"},
        HyperParameters={"rate": "3"},
        InputDataConfig=[{"ChannelName": "facts", "DataSource": source}],
    )
    told = ended(emulator, "first")
    assert told["TrainingJobStatus"] == "Completed"
    assert told["Environment"] == {"WORD": "yes"}
    assert told["BillableTimeInSeconds"] >= 1
    steps = [step["Status"] for step in told["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    log = "\n".join(said(emulator, "network_interface_name", GROUP, "first/algo-1-"))
    assert "forty-two" in log
    assert "word=yes name=first" in log
    assert '"rate": "3"' in log
    assert '"TrainingInputMode": "File"' in log
    artifacts = told["ModelArtifacts"]["S3ModelArtifacts"]
    assert artifacts == f"s3://{emulator.bucket}/out/first/output/model.tar.gz"
    emulator.client("s3").head_object(Bucket=emulator.bucket, Key="out/first/output/model.tar.gz")


def test_runs_every_host_with_its_own_name(emulator: Emulator) -> None:
    start_job(
        emulator,
        "pair",
        "hostname; grep -o 'current_host\": \"algo-.' /opt/ml/input/config/resourceconfig.json",
        hosts=2,
    )
    assert ended(emulator, "pair")["TrainingJobStatus"] == "Completed"
    for host in ("algo-1", "algo-2"):
        assert said(emulator, "current_host", GROUP, f"pair/{host}-") == [host, f'current_host": "{host}']


def test_hosts_find_each_other_by_name(emulator: Emulator) -> None:
    listen = "import socket; s = socket.create_server(('algo-1', 41123)); c, _ = s.accept(); print(c.recv(9).decode())"
    send = "import socket; socket.create_connection(('algo-1', 41123)).send(b'from two')"
    start_job(
        emulator,
        "talk",
        f'if [ $(hostname) = algo-1 ]; then python -c "{listen}"; else until python -c "{send}"; do :; done; fi',
        hosts=2,
    )
    assert ended(emulator, "talk")["TrainingJobStatus"] == "Completed"
    assert said(emulator, "from two", GROUP, "talk/algo-1-") == ["from two"]


def test_final_metrics_are_the_last_that_match(emulator: Emulator) -> None:
    definitions = [{"Name": "loss", "Regex": "loss=([0-9.]+)"}]
    start_job(emulator, "metrics", "echo loss=3.5; echo loss=1.25", algorithm={"MetricDefinitions": definitions})
    found = ended(emulator, "metrics")["FinalMetricDataList"]
    assert [(row["MetricName"], row["Value"]) for row in found] == [("loss", 1.25)]


def test_a_failure_says_what_the_container_wrote(emulator: Emulator) -> None:
    start_job(emulator, "bad", "echo no memory > /opt/ml/output/failure; exit 3")
    told = ended(emulator, "bad")
    assert told["TrainingJobStatus"] == told["SecondaryStatus"] == "Failed"
    assert re.fullmatch(r"AlgorithmError: no memory\n?, exit code: 3", told["FailureReason"])


def test_one_host_that_fails_ends_the_others(emulator: Emulator) -> None:
    start_job(emulator, "half", "if [ $(hostname) = algo-2 ]; then exit 7; fi; sleep 60", hosts=2)
    assert "on algo-2, exit code: 7" in ended(emulator, "half")["FailureReason"]


def test_no_data_in_a_channel_fails_the_job(emulator: Emulator) -> None:
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/nothing"}}
    start_job(emulator, "empty", "true", InputDataConfig=[{"ChannelName": "facts", "DataSource": source}])
    assert "No S3 objects found" in ended(emulator, "empty")["FailureReason"]


def test_stop_ends_all_that_the_container_started(emulator: Emulator, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    escapes = f"setsid sleep 97 & echo $! >> {pids}; sleep 98 & echo $! >> {pids};"
    script = f"{escapes} trap 'echo asked' TERM; echo up; wait; wait"
    emulator.settings(stop_grace_seconds=0.5)
    start_job(emulator, "long", script)
    said(emulator, "up", GROUP, "long/")
    assert emulator.billed()[0]["machines"] == {"ml.g5.2xlarge": 1}
    emulator.client("sagemaker").stop_training_job(TrainingJobName="long")
    assert job(emulator, "long")["TrainingJobStatus"] == "Stopping"
    assert ended(emulator, "long")["SecondaryStatus"] == "Stopped"
    assert emulator.billed() == []
    for pid in pids.read_text().split():
        assert not os.path.exists(f"/proc/{pid}")
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="is in status Stopped"):
        emulator.client("sagemaker").stop_training_job(TrainingJobName="long")


def test_max_runtime_stops_the_job(emulator: Emulator) -> None:
    start_job(emulator, "slow", "sleep 60", max_runtime=1)
    told = ended(emulator, "slow")
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_kept_warm_machines_bill_until_let_go(emulator: Emulator) -> None:
    start_job(emulator, "warm", "true", compute={"KeepAlivePeriodInSeconds": 600})
    assert ended(emulator, "warm")["WarmPoolStatus"]["Status"] == "Available"
    assert [row["name"] for row in emulator.billed()] == ["warm"]
    change = {"KeepAlivePeriodInSeconds": 0}
    emulator.client("sagemaker").update_training_job(TrainingJobName="warm", ResourceConfig=change)
    eventually(lambda: not emulator.billed())
    assert job(emulator, "warm")["WarmPoolStatus"]["Status"] == "Terminated"


def test_long_lines_arrive_in_pieces_and_late_lines_after_the_end(emulator: Emulator) -> None:
    emulator.settings(log_delay_seconds=1.0)
    start_job(emulator, "wide", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end")
    ended(emulator, "wide")
    logs = emulator.client("logs")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        lines(emulator, GROUP, "wide/")
    found = said(emulator, "end", GROUP, "wide/")
    assert [len(line) for line in found] == [262118, 37882, 3]


def test_a_name_is_taken_once(emulator: Emulator) -> None:
    start_job(emulator, "one", "true")
    with pytest.raises(emulator.client("sagemaker").exceptions.ResourceInUse):
        start_job(emulator, "one", "true")
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="Requested resource not found"):
        job(emulator, "other")
