"""How many machines of a type the account may have at once."""

from __future__ import annotations

import functools
import hashlib
from typing import Any

from tests.emulator.errors import AwsError, not_in_enum
from tests.emulator.shelf import ACCOUNT
from tests.emulator.world import World

DEFAULT = 8.0
TRAINING, ENDPOINT, WARM_POOL = "training job usage", "endpoint usage", "training warm pool usage"
_ENUMS = {
    TRAINING: "TrainingInstanceType",
    WARM_POOL: "TrainingInstanceType",
    ENDPOINT: "ProductionVariantInstanceType",
}


@functools.cache
def types_for(use: str) -> tuple[str, ...]:
    """The instance types that the API knows for this use: botocore's own list."""
    import botocore.session

    model = botocore.session.get_session().get_service_model("sagemaker")
    return tuple(model.shape_for(_ENUMS[use]).enum)


def limit(world: World, instance_type: str, use: str) -> float:
    return world.settings.quotas.get(f"{instance_type} for {use}", DEFAULT)


def in_use(world: World, instance_type: str, use: str) -> int:
    """Machines of this type that run now for this use."""
    kind = "endpoint" if use == ENDPOINT else "training-job"
    machines = (row["machines"] for row in alive(world) if row["kind"] == kind)
    return sum(of.get(instance_type, 0) for of in machines)


def check(world: World, instance_type: str, count: int, use: str) -> None:
    """Refuse a type that does not exist, or more machines than the quota has left."""
    if instance_type not in types_for(use):
        raise not_in_enum(instance_type, "resourceConfig.instanceType")
    allowed, used = limit(world, instance_type, use), in_use(world, instance_type, use)
    if used + count > allowed:
        text = (
            f"The account-level service limit '{instance_type} for {use}' is {allowed:.0f} Instances, with current "
            f"utilization of {used} Instances and a request delta of {count} Instances. "
            "Please use AWS Service Quotas to request an increase for this quota."
        )
        raise AwsError("ResourceLimitExceeded", text)


def alive(world: World) -> list[dict[str, Any]]:
    """Everything that bills by the hour now: running jobs, kept-warm machines, endpoints."""
    rows = []
    for row in world.shelf.of_kind("training-job", "endpoint"):
        machines = row.body.get("_machines", {})
        if machines:
            rows.append({"kind": row.kind, "name": row.name, "region": row.region, "machines": machines})
    return rows


def list_service_quotas(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """`ListServiceQuotas` of SageMaker, in pages."""
    if params["ServiceCode"] != "sagemaker":
        raise AwsError("NoSuchResourceException", f"no such service: {params['ServiceCode']}")
    rows = [_quota(world, name, use) for use in (TRAINING, ENDPOINT, WARM_POOL) for name in types_for(use)]
    start, size = int(params.get("NextToken", 0)), params.get("MaxResults", 100)
    page = {"Quotas": rows[start : start + size]}
    return page if start + size >= len(rows) else {**page, "NextToken": str(start + size)}


def get_service_quota(world: World, params: dict[str, Any]) -> dict[str, Any]:
    for use in (TRAINING, ENDPOINT, WARM_POOL):
        for name in types_for(use):
            row = _quota(world, name, use)
            if row["QuotaCode"] == params["QuotaCode"]:
                return {"Quota": row}
    raise AwsError("NoSuchResourceException", f"no such quota: {params['QuotaCode']}")


def _quota(world: World, instance_type: str, use: str) -> dict[str, Any]:
    name = f"{instance_type} for {use}"
    code = "L-" + hashlib.sha256(name.encode()).hexdigest()[:8].upper()
    return {
        "ServiceCode": "sagemaker",
        "ServiceName": "Amazon SageMaker",
        "QuotaName": name,
        "QuotaCode": code,
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:sagemaker/{code}",
        "Value": limit(world, instance_type, use),
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
