"""Starts training jobs with the sagemaker SDK, without its telemetry and without a bucket that it would create."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Iterator
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.names import NAME_LENGTH, RunId
from llm_claims.sagemaker.specs import TrainingSpec
from llm_claims.sagemaker.uploads import Uploads

_CONFIGURATION = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}
_ENVIRONMENT = {
    # The SDK would check the role for every job; the preflight checks it once.
    "SAGEMAKER_VALIDATE_ROLE": "false",
}
_ONE_AT_A_TIME = threading.Lock()


def start_training_job(account: Account, run: RunId, name: str, spec: TrainingSpec) -> None:
    """Upload the source code and create the training job ``name`` through the SDK's ModelTrainer.

    Raises
    ------
    Exception
        Any error of the SDK. The job may have been created before the error.
    """
    assert len(name) == NAME_LENGTH, "the SDK adds the time to a shorter name"
    # The SDK prints to standard output and reads the environment; threads share both, so one at a time.
    with _ONE_AT_A_TIME, _environment(), contextlib.redirect_stdout(io.StringIO()):
        _trainer(account, run, name, spec).train(wait=False, logs=False)


def _trainer(account: Account, run: RunId, name: str, spec: TrainingSpec) -> Any:
    try:
        from sagemaker.core.helper.session_helper import Session
        from sagemaker.core.shapes import Tag
        from sagemaker.core.training.configs import (
            Compute,
            Networking,
            OutputDataConfig,
            SourceCode,
            StoppingCondition,
        )
        from sagemaker.train.model_trainer import ModelTrainer
    except ImportError as error:
        raise SetUpError(f"sagemaker 3 is not installed ({error}): pip install 'llm-claims[sagemaker]'") from None

    bucket, folder = Uploads(account).bucket, run.s3_prefix.rstrip("/")

    class OurSession(Session):  # type: ignore[misc, unused-ignore]
        """The SDK's session, which would create the bucket if it did not exist."""

        def default_bucket(self) -> str:
            return bucket

    session = OurSession(
        boto_session=account.session,
        default_bucket=bucket,
        default_bucket_prefix=folder,
        sagemaker_config=_CONFIGURATION,
    )
    network = None
    if account.subnets:
        network = Networking(subnets=list(account.subnets), security_group_ids=list(account.security_groups))
    return ModelTrainer(
        sagemaker_session=session,
        role=account.role,
        base_job_name=name,
        training_image=spec.image,
        source_code=SourceCode(source_dir=str(spec.source), command=spec.command),
        compute=Compute(
            instance_type=spec.instance_type, instance_count=spec.instance_count, keep_alive_period_in_seconds=0
        ),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=spec.max_runtime_seconds),
        # With its key the SDK encrypts what it uploads, too.
        output_data_config=OutputDataConfig(
            s3_output_path=f"s3://{bucket}/{folder}/output",
            **({"kms_key_id": account.kms_key} if account.kms_key else {}),
        ),
        networking=network,
        environment=dict(spec.environment),
        tags=[Tag(key=key, value=value) for key, value in run.tags(account.owner).items()],
    )


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Set the SDK's environment variables for as long as the context lasts."""
    before = {name: os.environ.get(name) for name in _ENVIRONMENT}
    os.environ.update(_ENVIRONMENT)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
