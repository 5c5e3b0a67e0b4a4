"""Endpoints serve, and fail in all the ways they can."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from tests.emulator.client import Emulator

from .requests import LMI, eventually, said, settled, start_endpoint

MODEL = {
    "serving.properties": "engine=Python\noption.dtype=bf16\n# option.dtype=fp16\noption.tensor_parallel_degree=4\n",
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


def ask(emulator: Emulator, name: str, asked: object) -> Any:
    runtime = emulator.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=name, Body=json.dumps(asked), ContentType="application/json")
    return json.loads(answer["Body"].read())


def test_serves_the_handler_of_the_archive(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL, container={"Environment": {"OPTION_BATCH": "8"}})
    told = settled(emulator, "serve")
    assert told["EndpointStatus"] == "InService", told.get("FailureReason")
    [variant] = told["ProductionVariants"]
    assert variant["DeployedImages"][0]["SpecifiedImage"] == LMI
    assert "@sha256:" in variant["DeployedImages"][0]["ResolvedImage"]
    answer = ask(emulator, "serve", {"text": "hé"})
    assert answer["said"] == {"text": "hé"}
    assert answer["kind"] == "application/json"
    assert "first call: bf16 4 8" in said(emulator, "first call", "/aws/sagemaker/Endpoints/serve", "AllTraffic/")
    assert emulator.billed()[0]["kind"] == "endpoint"


def test_an_error_of_the_handler_is_a_model_error(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL)
    settled(emulator, "serve")
    with pytest.raises(emulator.client("sagemaker-runtime").exceptions.ModelError, match="out of memory") as caught:
        ask(emulator, "serve", {"raise": "out of memory"})
    assert caught.value.response["OriginalStatusCode"] == 424
    assert "out of memory" in caught.value.response["OriginalMessage"]
    said(emulator, "ValueError: out of memory", "/aws/sagemaker/Endpoints/serve", "AllTraffic/")
    assert ask(emulator, "serve", {"after": 1})["said"] == {"after": 1}


def test_a_dead_or_slow_container_is_a_model_error(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL)
    settled(emulator, "serve")
    model_error = emulator.client("sagemaker-runtime").exceptions.ModelError
    emulator.settings(invocation_timeout_seconds=0.3)
    with pytest.raises(model_error, match="timed out"):
        ask(emulator, "serve", {"seconds": 5})
    with pytest.raises(model_error):
        ask(emulator, "serve", {"die": 1})


@pytest.mark.parametrize(
    "files",
    [
        {"serving.properties": "engine=MPI\n"},
        {"model.py": "raise RuntimeError('no such device')"},
        {"model.py": "from djl_python import Output\ndef handle(inputs): return Output().error('bad weights')"},
    ],
    ids=["no handler", "import fails", "first call fails"],
)
def test_a_model_that_does_not_load_fails_the_endpoint(emulator: Emulator, files: dict[str, str]) -> None:
    start_endpoint(emulator, "broken", files)
    told = settled(emulator, "broken")
    assert told["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in told["FailureReason"]
    with pytest.raises(emulator.client("sagemaker-runtime").exceptions.ClientError, match="not in service"):
        ask(emulator, "broken", {})


def test_an_endpoint_that_is_being_created_is_not_deleted_unless_allowed(emulator: Emulator) -> None:
    slow = {"model.py": "import time; time.sleep(60)"}
    start_endpoint(emulator, "slow", slow)
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="Cannot update in-progress endpoint"):
        emulator.client("sagemaker").delete_endpoint(EndpointName="slow")
    emulator.settings(delete_while_creating=True)
    emulator.client("sagemaker").delete_endpoint(EndpointName="slow")
    eventually(lambda: not emulator.resources("endpoint"))


def test_deleting_ends_the_container_and_the_bill(emulator: Emulator) -> None:
    start_endpoint(emulator, "serve", MODEL)
    settled(emulator, "serve")
    pid = ask(emulator, "serve", {})["pid"]
    sagemaker = emulator.client("sagemaker")
    emulator.settings(delete_seconds=0.3)
    sagemaker.delete_endpoint(EndpointName="serve")
    assert settled(emulator, "serve")["EndpointStatus"] == "Deleting"
    eventually(lambda: not emulator.resources("endpoint"))
    assert emulator.billed() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="serve")
    with pytest.raises(emulator.client("sagemaker-runtime").exceptions.ClientError, match="not found"):
        ask(emulator, "serve", {})
    assert {row["kind"] for row in emulator.resources()} == {"model", "endpoint-config", "object"}
    sagemaker.delete_endpoint_config(EndpointConfigName="serve")
    sagemaker.delete_model(ModelName="serve")
    assert {row["kind"] for row in emulator.resources()} == {"object"}


def test_an_endpoint_needs_what_it_is_made_of(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    with pytest.raises(sagemaker.exceptions.ClientError, match="Could not find endpoint configuration"):
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="none")
    start_endpoint(emulator, "serve", MODEL)
    with pytest.raises(sagemaker.exceptions.ClientError, match="Cannot create already existing model"):
        start_endpoint(emulator, "serve", MODEL)
    with pytest.raises(sagemaker.exceptions.ClientError, match="enum value set"):
        start_endpoint(emulator, "other", MODEL, InstanceType="ml.g99.huge")
