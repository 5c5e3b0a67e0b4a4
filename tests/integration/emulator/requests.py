"""What the tests ask of the emulator, and how they wait for it."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.emulator.client import Emulator

GROUP = "/aws/sagemaker/TrainingJobs"
LMI = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.38.0-lmi29.0.0-cu130"


def eventually(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer of `look`."""
    limit = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < limit, "it did not come true in time"
        time.sleep(0.05)
    return found


def start_job(
    emulator: Emulator, name: str, script: str, *, hosts: int = 1, max_runtime: int = 60, **more: Any
) -> None:
    """Create a training job whose container runs `script` in bash."""
    asked = {
        "TrainingJobName": name,
        "RoleArn": emulator.role,
        "AlgorithmSpecification": {
            "TrainingImage": "registry/training:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["bash", "-c"],
            "ContainerArguments": [script],
        },
        "OutputDataConfig": {"S3OutputPath": f"s3://{emulator.bucket}/out"},
        "ResourceConfig": {"InstanceType": "ml.g5.2xlarge", "InstanceCount": hosts, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": max_runtime},
        **more,
    }
    emulator.client("sagemaker").create_training_job(**asked)


def ended(emulator: Emulator, name: str) -> dict[str, Any]:
    """The job as Describe tells it, once it has ended."""

    def look() -> dict[str, Any] | None:
        told = dict(emulator.client("sagemaker").describe_training_job(TrainingJobName=name))
        return told if told["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") else None

    return dict(eventually(look))


def lines(emulator: Emulator, group: str, stream: str) -> list[str]:
    """The log of the first stream whose name starts so."""
    logs = emulator.client("logs")
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    events = logs.get_log_events(logGroupName=group, logStreamName=found[0]["logStreamName"], startFromHead=True)
    return [event["message"] for event in events["events"]]


def said(emulator: Emulator, text: str, group: str, stream: str) -> list[str]:
    """The log, once it has a line with `text`."""

    def look() -> list[str] | None:
        try:
            found = lines(emulator, group, stream)
        except (IndexError, emulator.client("logs").exceptions.ResourceNotFoundException):
            return None
        return found if any(text in line for line in found) else None

    return list(eventually(look))


def archive(files: Mapping[str, str]) -> bytes:
    """A model.tar.gz."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def start_endpoint(
    emulator: Emulator, name: str, files: Mapping[str, str], instance_type: str = "ml.g5.2xlarge", **container: Any
) -> None:
    """Create a model, a configuration and an endpoint, all of one name."""
    key = f"models/{name}.tar.gz"
    emulator.client("s3").put_object(Bucket=emulator.bucket, Key=key, Body=archive(files))
    sagemaker = emulator.client("sagemaker")
    container = {"Image": LMI, "ModelDataUrl": f"s3://{emulator.bucket}/{key}", **container}
    sagemaker.create_model(ModelName=name, ExecutionRoleArn=emulator.role, PrimaryContainer=container)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": instance_type}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)


def settled(emulator: Emulator, name: str) -> dict[str, Any]:
    """The endpoint as Describe tells it, once it is in service or has failed."""

    def look() -> dict[str, Any] | None:
        told = dict(emulator.client("sagemaker").describe_endpoint(EndpointName=name))
        return told if told["EndpointStatus"] != "Creating" else None

    return dict(eventually(look))
