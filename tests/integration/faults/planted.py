"""What is in the account that a sweep has to remove, and what it must not touch."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm_claims.sagemaker.names import RunId
from tests.emulator.client import Emulator

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/djl-inference:0.38.0-lmi29.0.0-cu130"
INSTANCE = "ml.g5.2xlarge"
# The archive that the planted endpoints serve; nobody's.
MODEL_KEY = "models/shared/model.tar.gz"


def plant(emulator: Emulator, name: str, folder: str, tags: dict[str, str]) -> None:
    """Create one of each kind under a name; the job runs on, and the endpoint comes into service."""
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    s3, sagemaker = emulator.client("s3"), emulator.client("sagemaker")
    s3.put_object(Bucket=emulator.bucket, Key=f"{folder}code.py", Body=b"print(1)")
    _job(emulator, name, folder, tag_list, ["sleep", "100000"])
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{emulator.bucket}/{MODEL_KEY}"}
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=emulator.role, Tags=tag_list)
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InitialInstanceCount": 1, "InstanceType": INSTANCE}
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant], Tags=tag_list)
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name, Tags=tag_list)
    emulator.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="at(2099-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:deleteEndpoint",
            "RoleArn": emulator.role,
            "Input": json.dumps({"EndpointName": name}),
        },
    )


def plant_costly(emulator: Emulator, name: str, folder: str, tags: dict[str, str]) -> None:
    """Create what is easily overlooked: machines kept warm after a job's end, and an upload that never ended."""
    tag_list = [{"Key": key, "Value": value} for key, value in tags.items()]
    _job(emulator, name, folder, tag_list, ["true"], warm=3600)
    emulator.client("s3").create_multipart_upload(Bucket=emulator.bucket, Key=f"{folder}model.tar.gz")
    client, end = emulator.client("sagemaker"), time.monotonic() + 20
    while client.describe_training_job(TrainingJobName=name)["TrainingJobStatus"] != "Completed":
        assert time.monotonic() < end, "a job that does nothing does not end"
        time.sleep(0.05)


def _job(
    emulator: Emulator, name: str, folder: str, tags: list[dict[str, str]], command: list[str], warm: int = 0
) -> None:
    emulator.client("sagemaker").create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File", "ContainerEntrypoint": command},
        RoleArn=emulator.role,
        OutputDataConfig={"S3OutputPath": f"s3://{emulator.bucket}/{folder}output"},
        ResourceConfig={
            "InstanceType": INSTANCE,
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
            "KeepAlivePeriodInSeconds": warm,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 86400},
        Tags=tags,
    )


class Foreign:
    """Resources of another run that has just begun, and of nobody, under names that are near to ours."""

    def __init__(self, emulator: Emulator, archive: Path) -> None:
        self._emulator = emulator
        emulator.client("s3").upload_file(str(archive), emulator.bucket, MODEL_KEY)
        other = RunId.new(datetime.now(UTC))
        self.names = [other.name("train"), "llm-claims-demo", "llm-claims-20260101t000000", "someone-elses-model"]
        plant(emulator, self.names[0], other.s3_prefix, other.tags("others"))
        plant(emulator, self.names[1], "llm-claims/", {})
        plant(emulator, self.names[2], "llm-claims/20260101t000000/", {"llm-claims:run": "no run id"})
        plant(emulator, self.names[3], "models/", {"team": "search"})
        self._await_service()
        self._before = self._now()

    def _await_service(self) -> None:
        client, end = self._emulator.client("sagemaker"), time.monotonic() + 60
        while any(client.describe_endpoint(EndpointName=name)["EndpointStatus"] != "InService" for name in self.names):
            assert time.monotonic() < end, "the planted endpoints do not come into service"
            time.sleep(0.1)

    def _now(self) -> set[str]:
        return {shown(row) for row in self._emulator.resources()}

    def touched(self, calls: list[dict[str, Any]], changes: tuple[str, ...]) -> list[str]:
        """What is not as it was, and which calls meant to change it."""
        aimed = [
            f"{call['operation']} {call['name']}"
            for call in calls
            if call["operation"].startswith(changes) and any(_is_named(call, name) for name in self.names)
        ]
        return sorted(self._before - self._now()) + aimed


def _is_named(call: dict[str, Any], name: str) -> bool:
    return (call["name"] or "").rpartition("/")[2] == name or f"/{name}/" in (call["name"] or "")


def shown(row: dict[str, Any]) -> str:
    return f"{row['kind']} {row['name']} {row.get('status')}"


def is_of(row: dict[str, Any], run: str) -> bool:
    """Whether a row of the emulator's list belongs to a run."""
    return f"llm-claims-{run}" in row["name"] or f"/llm-claims/{run}" in row["name"]
