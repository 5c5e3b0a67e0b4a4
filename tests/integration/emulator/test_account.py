"""The account around the jobs: who asks, what is allowed, how much, for how many dollars."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.client import Emulator

from .requests import ended, start_endpoint, start_job
from .test_endpoints import MODEL

P4D = "ml.p4d.24xlarge"


def quotas(emulator: Emulator) -> dict[str, float]:
    pages = emulator.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    return {row["QuotaName"]: row["Value"] for page in pages for row in page["Quotas"]}


def test_says_who_asks(emulator: Emulator) -> None:
    assert emulator.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_quota_is_told_and_kept(emulator: Emulator) -> None:
    emulator.settings(quotas={f"{P4D} for training job usage": 1, f"{P4D} for endpoint usage": 0})
    told = quotas(emulator)
    assert told[f"{P4D} for training job usage"] == 1
    assert told[f"{P4D} for endpoint usage"] == 0
    assert told["ml.g5.2xlarge for endpoint usage"] == 8
    limit = emulator.client("sagemaker").exceptions.ResourceLimitExceeded
    start_job(emulator, "one", "sleep 60", compute={"InstanceType": P4D})
    with pytest.raises(limit, match=f"'{P4D} for training job usage' is 1 Instances, with current utilization of 1"):
        start_job(emulator, "two", "true", compute={"InstanceType": P4D})
    emulator.client("sagemaker").stop_training_job(TrainingJobName="one")
    ended(emulator, "one")
    start_job(emulator, "two", "true", compute={"InstanceType": P4D})
    with pytest.raises(limit, match="for endpoint usage"):
        start_endpoint(emulator, "serve", MODEL, InstanceType=P4D)


def test_an_instance_type_must_exist(emulator: Emulator) -> None:
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="enum value set"):
        start_job(emulator, "odd", "true", compute={"InstanceType": "ml.g99.huge"})


@pytest.mark.parametrize(("component", "price"), [("Training", 1.515), ("Hosting", 1.515)])
def test_tells_prices_in_the_shape_of_the_price_list(emulator: Emulator, component: str, price: float) -> None:
    filters = [
        {"Type": "TERM_MATCH", "Field": "instanceName", "Value": "ml.g5.2xlarge"},
        {"Type": "TERM_MATCH", "Field": "component", "Value": component},
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "us-east-1"},
    ]
    found = emulator.client("pricing").get_products(ServiceCode="AmazonSageMaker", Filters=filters)["PriceList"]
    [product] = [json.loads(row) for row in found]
    [term] = product["terms"]["OnDemand"].values()
    [dimension] = term["priceDimensions"].values()
    assert float(dimension["pricePerUnit"]["USD"]) == price


def test_a_role_must_be_there_and_passable(emulator: Emulator) -> None:
    error = emulator.client("sagemaker").exceptions.ClientError
    with pytest.raises(error, match="Could not assume role"):
        start_job(emulator, "job", "true", RoleArn="arn:aws:iam::123456789012:role/none")
    emulator.settings(denied=["iam:PassRole"])
    with pytest.raises(error, match="not authorized to perform: iam:PassRole"):
        start_job(emulator, "job", "true")
    with pytest.raises(error, match="not authorized to perform: iam:PassRole"):
        start_endpoint(emulator, "serve", MODEL)
    assert decisions(emulator, "iam:PassRole", "sagemaker:CreateEndpoint") == {
        "iam:PassRole": "implicitDeny",
        "sagemaker:CreateEndpoint": "allowed",
    }


def decisions(emulator: Emulator, *actions: str) -> dict[str, Any]:
    answer = emulator.client("iam").simulate_principal_policy(PolicySourceArn=emulator.role, ActionNames=list(actions))
    return {row["EvalActionName"]: row["EvalDecision"] for row in answer["EvaluationResults"]}


def test_a_denied_action_is_refused_until_it_is_allowed(emulator: Emulator) -> None:
    emulator.settings(denied=["sagemaker:ListModels", "s3:PutObject"])
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="AccessDeniedException"):
        emulator.client("sagemaker").list_models()
    with pytest.raises(emulator.client("s3").exceptions.ClientError, match="AccessDenied"):
        emulator.client("s3").put_object(Bucket=emulator.bucket, Key="k", Body=b"v")
    emulator.settings(denied=[])
    assert emulator.client("sagemaker").list_models()["Models"] == []


def test_an_image_that_is_missing_is_missed_everywhere(emulator: Emulator) -> None:
    emulator.settings(missing_images=["djl-inference:0.21"])
    asked = {"registryId": "763104351884", "repositoryName": "djl-inference"}
    tags = [{"imageTag": "0.21.0-deepspeed0.8.0-cu117"}, {"imageTag": "0.38.0-lmi29.0.0-cu130"}]
    answer = emulator.client("ecr").batch_get_image(imageIds=tags, **asked)
    assert [row["imageId"]["imageTag"] for row in answer["images"]] == [tags[1]["imageTag"]]
    assert [row["failureCode"] for row in answer["failures"]] == ["ImageNotFound"]
    with pytest.raises(emulator.client("sagemaker").exceptions.ClientError, match="not found"):
        start_endpoint(emulator, "old", MODEL, container={"Image": "r/djl-inference:0.21.0-deepspeed0.8.0-cu117"})


def test_a_setting_that_is_not_known_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="no such setting"):
        emulator.settings(kindness=3)
