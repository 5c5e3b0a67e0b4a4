"""The scrubber: no secret of any kind survives, wherever it stands; what is no secret stays as it was."""

from __future__ import annotations

import json
import re
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_claims.sagemaker.scrub import Scrubber, scrub

ALNUM = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
HEX = "0123456789abcdef"


def of(alphabet: str, low: int, high: int | None = None) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=low, max_size=high or low)


ACCOUNTS = of(string.digits, 12)
REGIONS = st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-2"])
NAMES = of(LOWER, 3, 20)
UUIDS = st.uuids().map(str)
ARNS = st.builds(
    "arn:{}:{}:{}:{}:{}/{}".format,
    st.sampled_from(["aws", "aws-cn", "aws-us-gov"]),
    st.sampled_from(["sagemaker", "iam", "s3", "logs", "scheduler"]),
    REGIONS,
    ACCOUNTS,
    st.sampled_from(["training-job", "endpoint", "role", "role/service-role"]),
    NAMES,
)
KEYS = st.builds("{}{}".format, st.sampled_from(["AKIA", "ASIA", "AROA"]), of(string.ascii_uppercase + "234567", 16))
TOKENS = st.builds("IQoJb3JpZ2luX2Vj{}==".format, of(ALNUM + "+/", 60, 200))
# Whole and telling part: what must not be there afterwards.
SECRETS: dict[str, st.SearchStrategy[tuple[str, str]]] = {
    "account": ACCOUNTS.map(lambda one: (one, one)),
    "arn": ARNS.map(lambda one: (one, one)),
    "access key": KEYS.map(lambda one: (one, one)),
    "session token": TOKENS.map(lambda one: (one, one.rstrip("="))),
    "request id": UUIDS.map(lambda one: (one, one)),
    "s3 request id": of(HEX.upper(), 16).map(lambda one: (f"RequestId: {one}", one)),
    "s3 host id": of(ALNUM + "+/", 40).map(lambda one: (f'x-amz-id-2: "{one}"', one)),
    "secret key": of(ALNUM + "/", 40).map(lambda one: (f"AWS_SECRET_ACCESS_KEY={one}", one)),
    "secret key in JSON": of(ALNUM, 40).map(lambda one: (json.dumps({"SecretAccessKey": one}), one)),
    "secret key in JSON in JSON": of(ALNUM, 40).map(
        lambda one: (json.dumps(json.dumps({"SecretAccessKey": one})), one)
    ),
    "signature": of(HEX, 64).map(lambda one: (f"https://x.test/?X-Amz-Signature={one}&a=1", one)),
    "bucket": NAMES.map(lambda one: (f"s3://zz{one}/llm-claims/code", f"zz{one}")),
    "bucket's host": NAMES.map(lambda one: (f"https://zz{one}.s3.us-east-1.amazonaws.com/x", f"zz{one}")),
    "bucket's path": NAMES.map(lambda one: (f"https://s3.us-east-1.amazonaws.com/zz{one}/x", f"zz{one}")),
    "default bucket": st.builds("sagemaker-{}-{}".format, st.just("us-east-1"), ACCOUNTS).map(lambda one: (one, one)),
    "registry": st.builds("{}.dkr.ecr.{}.amazonaws.com".format, ACCOUNTS, REGIONS).map(lambda one: (one, one)),
    "endpoint's host": REGIONS.map(lambda one: (f"runtime.sagemaker.{one}.amazonaws.com",) * 2),
    "machine": st.tuples(*[st.integers(0, 255)] * 4).map(lambda ip: ("ip-{}-{}-{}-{}.ec2.internal".format(*ip),) * 2),
}
AROUND = st.sampled_from(["", " ", "\n", "\t", '"', "'", "(", ")", ": ", "; ", " [", "] ", "<", ">", " = "])
PLAIN = st.text(st.sampled_from(string.ascii_letters + " .,"), max_size=30)


@pytest.mark.parametrize("kind", SECRETS)
@settings(max_examples=40)
@given(data=st.data())
def test_no_secret_survives_wherever_it_stands(kind: str, data: st.DataObject) -> None:
    whole, telling = data.draw(SECRETS[kind])
    before, after = data.draw(PLAIN) + data.draw(AROUND), data.draw(AROUND) + data.draw(PLAIN)
    if before and (before[-1].isalnum() or before[-1] == "."):
        before += " "
    if after and (after[0].isalnum() or after[0] in ".,"):
        after = " " + after
    assert telling not in scrub(before + whole + after)
    assert telling not in scrub(json.dumps({"message": f"before {whole} after", "list": [whole]}))


@given(st.lists(st.one_of(*SECRETS.values()), min_size=2, max_size=6))
def test_many_in_one_line_all_go_and_twice_is_as_once(found: list[tuple[str, str]]) -> None:
    text = scrub(" and ".join(whole for whole, _ in found))
    assert not [telling for _, telling in found if telling in text]
    assert scrub(text) == text


NUMBERS = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.integers(10**11, 10**12 - 1))
MEASURED = st.recursive(
    st.one_of(NUMBERS, st.booleans(), st.none(), st.sampled_from(["bf16", "completed", "2026-11-23T01:51:05"])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES.filter(str.isalpha), inner, max_size=4)),
)


@settings(max_examples=50)
@given(st.dictionaries(NAMES.filter(str.isalpha), MEASURED, min_size=1, max_size=5))
def test_a_line_of_measurements_stays_as_it_was(answer: dict[str, Any]) -> None:
    line = json.dumps(answer)
    assert scrub(line) == line
    assert scrub(json.dumps(answer, separators=(",", ":"))) == json.dumps(answer, separators=(",", ":"))


@pytest.mark.parametrize(
    "text",
    [
        "epoch 1: loss 2.123456789012, 0.123456789012 s a step",
        "2026-11-23T01:51:05.123456+00:00",
        "sha256:" + "0123456789ab" * 5 + "cdef",
        "llm-claims-20261123t015105-1a2b3c-train-abcdef",
        "djl-inference:0.38.0-lmi29.0.0-cu130 on ml.p4d.24xlarge",
        "NCCL INFO Selected provider is efa, fabric is efa (found 4 nics)",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub(text) == text


def test_what_this_account_is_called_goes_even_where_no_rule_looks() -> None:
    known = Scrubber({"my-bucket": "<bucket>", "210987654321": "<account>", "": "x", "ab": "y"})
    assert known("copied to my-bucket, of x210987654321y; ab") == "copied to <bucket>, of x<account>y; ab"


def test_what_a_reader_needs_is_left() -> None:
    error = (
        "An error occurred (AccessDeniedException) when calling the CreateEndpoint operation: User: "
        "arn:aws:sts::123456789012:assumed-role/run/me is not authorized to perform: sagemaker:CreateEndpoint on "
        "resource: arn:aws:sagemaker:us-east-1:123456789012:endpoint/x because no identity-based policy allows it"
    )
    assert scrub(error) == (
        "An error occurred (AccessDeniedException) when calling the CreateEndpoint operation: User: <arn> is not "
        "authorized to perform: sagemaker:CreateEndpoint on resource: <arn> because no identity-based policy allows it"
    )
    assert re.fullmatch(r"<host>/pytorch:2\.13", scrub("763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch:2.13"))
