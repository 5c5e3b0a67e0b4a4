"""Container images in AWS's registry (ECR): their addresses and digests."""

from __future__ import annotations

import re

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import cloud_errors, if_exists
from llm_claims.sagemaker.errors import CloudError, SetUpError

# The public AWS account that holds the Deep Learning Containers in these regions. Some newer regions have another.
REGISTRY = "763104351884"
REGIONS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-southeast-1", "ap-southeast-2"),
)

_ADDRESS = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


def image_address(image: str, region: str) -> str:
    """Return the address of ``image`` (``REPOSITORY:TAG``) in a region's registry. AWS is not asked.

    Raises
    ------
    SetUpError
        The registry account of the region is not known here.
    """
    if region not in REGIONS:
        raise SetUpError(
            f"region {region}: AWS publishes its containers there under an account that this suite does not know; "
            f"use one of {', '.join(REGIONS)}"
        )
    return f"{REGISTRY}.dkr.ecr.{region}.amazonaws.com/{image}"


def is_ecr_address(image: str) -> bool:
    """Whether this is the address of an image in ECR. SageMaker runs no others."""
    return bool(_ADDRESS.fullmatch(image))


def find_digest(account: Account, image: str) -> str | None:
    """Return the digest of the image at an address; None if the registry has no such image.

    Raises
    ------
    CloudError
        The address is not one of ECR, or the registry cannot be asked.
    """
    found = _ADDRESS.fullmatch(image)
    if found is None:
        raise CloudError(f"not an image of AWS's registry: {account.scrub(image)}")
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    with cloud_errors(account, f"looking for image {account.scrub(image)}"):
        answer = if_exists(
            lambda: account.client("ecr").batch_get_image(
                registryId=found["registry"],
                repositoryName=found["repository"],
                imageIds=[wanted],
                acceptedMediaTypes=_MANIFESTS,
            )
        )
    images = (answer or {}).get("images", [])
    return str(images[0]["imageId"]["imageDigest"]) if images else None


def digest_or_none(account: Account, image: str) -> str | None:
    """Return the digest of the image at an address; None also if the registry cannot be asked.

    The digest only documents a measurement, so its lack does not fail one.
    """
    try:
        return find_digest(account, image)
    except CloudError:
        return None
