"""Training jobs run, and end in all the ways they can; what the launcher asks of one is tested with it."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.emulator.client import Emulator

from .requests import GROUP, ended, lines, said, start_job


def test_runs_hosts_that_find_each_other_with_channels_and_variables(emulator: Emulator) -> None:
    emulator.client("s3").put_object(Bucket=emulator.bucket, Key="in/deep/data.txt", Body=b"forty-two")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{emulator.bucket}/in/"}}
    listen = "import socket; s = socket.create_server(('algo-1', 41123)); c, _ = s.accept(); print(c.recv(9).decode())"
    send = "import socket; socket.create_connection(('algo-1', 41123)).send(b'from two')"
    start_job(
        emulator,
        "pair",
        "cat /opt/ml/input/data/facts/deep/data.txt; echo; echo word=$WORD name=$TRAINING_JOB_NAME;"
        "grep -o 'current_host\": \"algo-.' /opt/ml/input/config/resourceconfig.json; echo model > /opt/ml/model/w;"
        f'if [ $(hostname) = algo-1 ]; then python -c "{listen}"; else until python -c "{send}"; do :; done; fi',
        hosts=2,
        Environment={"WORD": "yes"},
        InputDataConfig=[{"ChannelName": "facts", "DataSource": source}],
    )
    told = ended(emulator, "pair")
    assert told["TrainingJobStatus"] == "Completed"
    steps = [step["Status"] for step in told["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    log = ["forty-two", "word=yes name=pair", 'current_host": "algo-1']
    assert said(emulator, "from two", GROUP, "pair/algo-1-") == [*log, "from two"]
    emulator.client("s3").head_object(Bucket=emulator.bucket, Key="out/pair/output/model.tar.gz")


@pytest.mark.parametrize(
    ("script", "hosts", "reason"),
    [
        ("echo no memory > /opt/ml/output/failure; exit 3", 1, r"AlgorithmError: no memory\n?, exit code: 3"),
        ("if [ $(hostname) = algo-2 ]; then exit 7; fi; sleep 60", 2, r"AlgorithmError:  on algo-2, exit code: 7"),
    ],
    ids=["its-own-words", "one-of-two"],
)
def test_a_failure_says_what_the_container_wrote(emulator: Emulator, script: str, hosts: int, reason: str) -> None:
    start_job(emulator, "bad", script, hosts=hosts)
    told = ended(emulator, "bad")
    assert told["TrainingJobStatus"] == told["SecondaryStatus"] == "Failed"
    assert re.fullmatch(reason, told["FailureReason"])


def test_stop_ends_all_that_the_container_started_and_so_does_max_runtime(emulator: Emulator, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    escapes = f"setsid sleep 97 & echo $! >> {pids}; sleep 98 & echo $! >> {pids};"
    emulator.settings(stop_grace_seconds=0.3)
    start_job(emulator, "slow", "sleep 60", max_runtime=1)
    start_job(emulator, "long", f"{escapes} trap 'echo asked' TERM; echo up; wait; wait")
    said(emulator, "up", GROUP, "long/")
    emulator.client("sagemaker").stop_training_job(TrainingJobName="long")
    assert ended(emulator, "long")["SecondaryStatus"] == "Stopped"
    for pid in pids.read_text().split():
        assert not os.path.exists(f"/proc/{pid}")
    told = ended(emulator, "slow")
    assert (told["TrainingJobStatus"], told["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert emulator.billed() == []


def test_long_lines_arrive_in_pieces_and_late_lines_after_the_end(emulator: Emulator) -> None:
    emulator.settings(log_delay_seconds=1.0)
    start_job(emulator, "wide", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end")
    ended(emulator, "wide")
    with pytest.raises(emulator.client("logs").exceptions.ResourceNotFoundException):
        lines(emulator, GROUP, "wide/")
    found = said(emulator, "end", GROUP, "wide/")
    assert [len(line) for line in found] == [262118, 37882, 3]
