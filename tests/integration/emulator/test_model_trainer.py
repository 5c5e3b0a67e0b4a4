"""The unmodified SDK's ModelTrainer runs against the emulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.emulator.client import Emulator

from .requests import GROUP, ended, said

_PROGRAM = """
import sys
from sagemaker.core.helper.session_helper import Session
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, SourceCode, StoppingCondition, Tag

trainer = ModelTrainer(
    training_image="registry/pytorch:2.13",
    source_code=SourceCode(source_dir=sys.argv[1], command="python run.py --rate 3"),
    compute=Compute(instance_type="ml.p4d.24xlarge", instance_count=2),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=900),
    environment={"NCCL_DEBUG": "INFO"},
    role=sys.argv[2],
    base_job_name="sdk",
    tags=[Tag(key="llm-claims:run", value="r1")],
    sagemaker_session=Session(default_bucket=sys.argv[3]),
)
trainer.train(wait=False, logs=False)
"""


def test_model_trainer_runs_its_command_on_every_host(emulator: Emulator, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "run.py").write_text(
        "import os, sys\n"
        "print('RAN', sys.argv[1:], os.environ['NCCL_DEBUG'], os.environ['SM_CURRENT_HOST'], os.getcwd())\n"
    )
    configuration = tmp_path / "config.yaml"
    configuration.write_text(
        "SchemaVersion: '1.0'\nSageMaker:\n  PythonSDK:\n    Modules:\n      TelemetryOptOut: true\n"
    )
    environment = {
        **os.environ,
        **emulator.environment(),
        "SAGEMAKER_VALIDATE_ROLE": "false",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(configuration),
    }
    command = [sys.executable, "-c", _PROGRAM, str(source), emulator.role, emulator.bucket]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    [created] = emulator.calls("CreateTrainingJob")
    told = ended(emulator, created["name"])
    assert told["TrainingJobStatus"] == "Completed", told.get("FailureReason")
    assert told["ResourceConfig"]["InstanceType"] == "ml.p4d.24xlarge"
    for host in ("algo-1", "algo-2"):
        log = said(emulator, "Training Container Execution Completed", GROUP, f"{created['name']}/{host}-")
        assert f"RAN ['--rate', '3'] INFO {host} /opt/ml/input/data/code" in log
    tags = emulator.client("sagemaker").list_tags(ResourceArn=told["TrainingJobArn"])["Tags"]
    assert {"Key": "llm-claims:run", "Value": "r1"} in tags
