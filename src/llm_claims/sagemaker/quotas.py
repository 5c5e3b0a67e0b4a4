"""Quotas: how many machines of each type the account may use at one time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors
from llm_claims.sagemaker.errors import NoQuota, SetUpError

Use = Literal["training job", "endpoint"]
_ONE: dict[Use, str] = {"training job": "a training job", "endpoint": "an endpoint"}
_SHAPES: dict[Use, str] = {"training job": "TrainingInstanceType", "endpoint": "ProductionVariantInstanceType"}


def quota_name(use: Use, instance_type: str) -> str:
    """Return the name of a quota, as AWS writes it."""
    return f"{instance_type} for {use} usage"


def check_types(account: Account, use: Use, wanted: Mapping[str, int]) -> None:
    """Check instance types against the list in boto3, without asking AWS.

    Raises
    ------
    SetUpError
        SageMaker has no such instance type for this use.
    """
    model = account.client("sagemaker").meta.service_model
    known = set(model.shape_for(_SHAPES[use]).enum)
    for instance_type in sorted(wanted):
        if instance_type not in known:
            family = instance_type.rpartition(".")[0]
            near = sorted(name for name in known if name.rpartition(".")[0] == family)
            offered = f"of its family there are {', '.join(near)}" if near else "it has none of that family"
            raise SetUpError(f"SageMaker has no instance type {instance_type} for {_ONE[use]}: {offered}")


def read_quotas(account: Account) -> dict[str, float]:
    """Return the quotas of SageMaker in this account and region: name → value.

    Raises
    ------
    CloudError
        The quotas cannot be read.
    """
    with cloud_errors(account, "reading the quotas of SageMaker"):
        pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate
        return {
            str(quota["QuotaName"]): float(quota["Value"])
            for page in pages(ServiceCode="sagemaker")
            for quota in page["Quotas"]
        }


def check_quotas(quotas: Mapping[str, float], use: Use, wanted: Mapping[str, int], region: str) -> None:
    """Check that the quotas allow the wanted number of machines of each type at one time.

    Raises
    ------
    NoQuota
        A quota is too small.
    SetUpError
        There is no quota for an instance type: the region does not offer it.
    """
    for instance_type, count in sorted(wanted.items()):
        name = quota_name(use, instance_type)
        if name not in quotas:
            raise SetUpError(f"{region} does not offer {instance_type} for {_ONE[use]}: it has no quota named {name!r}")
        if quotas[name] < count:
            raise NoQuota(
                f"no quota for {instance_type}: {name!r} is {quotas[name]:g} in {region}, and {count} are needed "
                "at one time. Request an increase in the AWS console, under Service Quotas"
            )
