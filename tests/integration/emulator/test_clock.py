"""A clock that is off is refused, when the account is strict."""

from __future__ import annotations

import pytest

from tests.emulator.client import Emulator


def test_a_skewed_clock_is_refused_by_every_service(emulator: Emulator) -> None:
    emulator.clock(offset_seconds=900, strict=True)
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="Signature expired"):
        emulator.client("sagemaker").list_models()
    with pytest.raises(emulator.client("s3").exceptions.ClientError, match="RequestTimeTooSkewed"):
        emulator.client("s3").list_buckets()
    emulator.clock(offset_seconds=200, strict=True)
    assert emulator.client("sagemaker").list_models()["Models"] == []


def test_what_is_made_has_the_time_of_the_account(emulator: Emulator) -> None:
    sagemaker = emulator.client("sagemaker")
    made = {"ExecutionRoleArn": emulator.role, "PrimaryContainer": {"Image": "registry/image:1"}}
    sagemaker.create_model(ModelName="now", **made)
    emulator.clock(offset_seconds=86400)
    sagemaker.create_model(ModelName="tomorrow", **made)
    times = {row["ModelName"]: row["CreationTime"] for row in sagemaker.list_models()["Models"]}
    assert 86000 < (times["tomorrow"] - times["now"]).total_seconds() < 87000
