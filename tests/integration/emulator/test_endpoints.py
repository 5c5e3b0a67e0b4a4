"""Endpoints serve, and fail in all the ways they can; what the launcher asks of one is tested with it."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from llm_claims.sagemaker.containers.bundle import write_archive
from tests.emulator.client import Emulator

from .requests import LMI, eventually, said, settled, start_endpoint

MODEL = {
    "serving.properties": "engine=Python\noption.dtype=bf16\n# option.dtype=fp16\noption.tensor_parallel_degree=1\n",
    "model.py": """
import os, time
from djl_python import Input, Output

def handle(inputs: Input) -> Output:
    if inputs.is_empty():
        options = inputs.get_properties()
        print("first call:", options["dtype"], options["tensor_parallel_degree"], options.get("batch", "-"), flush=True)
        return None
    asked = inputs.get_as_json()
    if "raise" in asked:
        raise ValueError(asked["raise"])
    if "die" in asked:
        os._exit(1)
    time.sleep(asked.get("seconds", 0))
    return Output().add_as_json({"said": asked, "pid": os.getpid(), "kind": inputs.get_property("Content-Type")})
""",
}
WHO = """
import os
from djl_python import Output
def handle(inputs):
    seen = {"pid": os.getpid(), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES")}
    return None if inputs.is_empty() else Output().add_as_json(seen)
"""
GROUP = "/aws/sagemaker/Endpoints/serve"


def ask(emulator: Emulator, asked: object) -> Any:
    runtime = emulator.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="serve", Body=json.dumps(asked), ContentType="application/json")
    return json.loads(answer["Body"].read())


def test_serves_the_handler_of_the_archive_until_that_is_dead(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL, Environment={"OPTION_BATCH": "8"})
    told = settled(emulator, "serve")
    assert told["EndpointStatus"] == "InService", told.get("FailureReason")
    [variant] = told["ProductionVariants"]
    assert variant["DeployedImages"][0]["SpecifiedImage"] == LMI
    assert "@sha256:" in variant["DeployedImages"][0]["ResolvedImage"]
    answer = ask(emulator, {"text": "hé"})
    assert (answer["said"], answer["kind"]) == ({"text": "hé"}, "application/json")
    assert "first call: bf16 1 8" in said(emulator, "first call", GROUP, "AllTraffic/")
    model_error = emulator.client("sagemaker-runtime").exceptions.ModelError
    with pytest.raises(model_error, match="out of memory") as caught:
        ask(emulator, {"raise": "out of memory"})
    assert caught.value.response["OriginalStatusCode"] == 424
    assert "out of memory" in caught.value.response["OriginalMessage"]
    said(emulator, "ValueError: out of memory", GROUP, "AllTraffic/")
    emulator.settings(invocation_timeout_seconds=0.3)
    with pytest.raises(model_error, match="timed out"):
        ask(emulator, {"seconds": 5})
    with pytest.raises(model_error):
        ask(emulator, {"die": 1})


@pytest.mark.parametrize(
    ("gpus", "workers"), [("", {None: 4}), ("option.tensor_parallel_degree=2\n", {"0,1": 1, "2,3": 1})]
)
def test_several_gpus_have_several_workers(emulator: Emulator, gpus: str, workers: dict[str | None, int]) -> None:
    files = {"serving.properties": f"engine=Python\nmaxWorkers=1\n{gpus}", "model.py": WHO}
    start_endpoint(emulator, "serve", files, instance_type="ml.g5.12xlarge")
    assert settled(emulator, "serve")["EndpointStatus"] == "InService"
    seen = {(one["pid"], one["gpus"]) for one in (ask(emulator, {}) for _ in range(6))}
    assert Counter(gpus for _, gpus in seen) == workers


@pytest.mark.parametrize("stack", ["current", "document"])
def test_our_archive_has_one_worker_with_all_gpus(emulator: Emulator, tmp_path: Path, stack: str) -> None:
    """`begin` and `collect` of one request have to reach the same process."""
    write_archive(tmp_path / "model.tar.gz", "document", stack, 4)
    with tarfile.open(tmp_path / "model.tar.gz") as archive:
        properties = archive.extractfile("serving.properties")
        assert properties is not None
        files = {"serving.properties": properties.read().decode(), "model.py": WHO}
    start_endpoint(emulator, "serve", files, instance_type="ml.g5.12xlarge")
    assert settled(emulator, "serve")["EndpointStatus"] == "InService"
    seen = {(one["pid"], one["gpus"]) for one in (ask(emulator, {}) for _ in range(6))}
    assert [gpus for _, gpus in seen] == ["0,1,2,3"]


@pytest.mark.parametrize(
    "files",
    [
        {"serving.properties": "engine=MPI\n"},
        {"model.py": "from djl_python import Output\ndef handle(inputs): return Output().error('bad weights')"},
    ],
    ids=["no handler", "first call fails"],
)
def test_a_model_that_does_not_load_fails_the_endpoint(emulator: Emulator, files: dict[str, str]) -> None:
    start_endpoint(emulator, "serve", files)
    told = settled(emulator, "serve")
    assert told["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in told["FailureReason"]
    with pytest.raises(emulator.client("sagemaker-runtime").exceptions.ClientError, match="not in service"):
        ask(emulator, {})


def test_a_schedule_deletes_it_when_its_hour_has_come_and_tries_again_when_refused(emulator: Emulator) -> None:
    """By the account's clock; then the bill is gone too."""
    emulator.settings(start_seconds=1.0)
    start_endpoint(emulator, "serve", MODEL)
    emulator.client("scheduler").create_schedule(
        Name="delete-serve",
        ScheduleExpression=f"at({datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint",
            "RoleArn": emulator.role,
            "Input": '{"EndpointName": "serve"}',
        },
    )
    # AWS deletes no endpoint that is being created.
    emulator.clock(offset_seconds=3601)
    eventually(lambda: not emulator.resources("endpoint", "schedule"))
    calls = emulator.calls("DeleteEndpoint")
    assert {row["agent"] for row in calls} == {"scheduler.amazonaws.com"}
    assert (calls[0]["error"], calls[-1]["error"]) == ("ValidationException", None)
    assert emulator.billed() == []
