"""The runner as it is run: a folder, and ``python runner.py``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from llm_claims.sagemaker.containers.bundle import write_job_source
from llm_claims.sagemaker.containers.log_lines import Reader
from llm_claims.sagemaker.containers.runner import install_missing, nodes
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.training.workload import Training


def test_machines_are_told_apart_by_number(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    hosts = [f"algo-{number}" for number in (10, 2, 1)]
    path.write_text(json.dumps({"hosts": hosts, "current_host": "algo-10", "network_interface_name": "eth0"}))
    assert nodes(str(path)) == {
        "LLM_CLAIMS_NODES": "3",
        "LLM_CLAIMS_NODE_RANK": "2",
        "LLM_CLAIMS_MASTER": "algo-1",
        "NCCL_SOCKET_IFNAME": "eth0",
        "GLOO_SOCKET_IFNAME": "eth0",
    }


def test_one_machine_has_no_network_between_machines(tmp_path: Path) -> None:
    path = tmp_path / "resourceconfig.json"
    path.write_text(json.dumps({"hosts": ["algo-1"], "current_host": "algo-1", "network_interface_name": "eth0"}))
    alone = {"LLM_CLAIMS_NODES": "1", "LLM_CLAIMS_NODE_RANK": "0", "LLM_CLAIMS_MASTER": "algo-1"}
    assert nodes(str(path)) == alone
    assert nodes(str(tmp_path / "none")) == {**alone, "LLM_CLAIMS_MASTER": "localhost"}


def test_only_what_is_missing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text("json json>=1\nno_such_module_here no-such==1\n")
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append(command))
    install_missing(str(path))
    assert [command[-1] for command in ran] == ["no-such==1"]
    path.write_text("json json>=1\n")
    install_missing(str(path))
    assert len(ran) == 1


PROGRAM = """
import json, os, sys
print(json.dumps({"hardware": os.environ["LLM_CLAIMS_NODE_RANK"], "software": {}, "setup_seconds": 0}), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    if request["round"] == 3:
        sys.exit(1)
    print("NCCL INFO via NET/Socket/0", file=sys.stderr, flush=True)
    print(json.dumps({"metrics": {"train_loss": request["seed"]}}), flush=True)
"""


def run(folder: Path, requests: list[Request]) -> tuple[int, list[dict[str, object]], str]:
    write_job_source(folder, "document", requests)
    (folder / "requirements.txt").write_text("")
    # In place of the program for old images, which wants its libraries.
    (folder / "llm_claims/sagemaker/containers/document/program.py").write_text(PROGRAM)
    environment = {"PATH": os.environ["PATH"], "LLM_CLAIMS_PROGRAM": "document"}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "runner.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    reader = Reader()
    heard = [reader.feed(line) for line in done.stdout.splitlines()]
    return done.returncode, [message for message in heard if message], done.stderr


def test_every_request_is_answered_in_the_log(tmp_path: Path) -> None:
    requests = [Request(workload=Training(zero_stage=1), round=number, seed=number + 1029) for number in (1, 2)]
    status, messages, errors = run(tmp_path, requests)
    assert status == 0, errors
    asked = [json.loads(request.model_dump_json(exclude_none=True)) for request in requests]
    assert messages[0]["ready"]["hardware"] == "0"
    assert messages[1:] == [
        {"begins": asked[0]},
        {"request": asked[0], "answer": {"metrics": {"train_loss": 1030}}},
        {"begins": asked[1]},
        {"request": asked[1], "answer": {"metrics": {"train_loss": 1031}}},
    ]
    assert "via NET/Socket" in errors


def test_a_program_that_dies_fails_the_job_with_its_last_words(tmp_path: Path) -> None:
    requests = [Request(workload=Loading(), round=number, seed=1) for number in (2, 3)]
    status, messages, _ = run(tmp_path, requests)
    assert status == 1
    assert messages[-1]["answer"]["outcome"]["signature"] == "the program died while it ran a request: exit status 1"
    assert messages[-1]["request"]["round"] == 3
