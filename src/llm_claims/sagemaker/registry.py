"""Asks the registry whether an image is there, and what its digest is."""

from __future__ import annotations

import re

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import looked_up, told
from llm_claims.sagemaker.errors import CloudError

_IMAGE = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/"
    r"(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_MANIFESTS = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


def is_of_registry(image: str) -> bool:
    """Whether it is an image of AWS's own registry, by its address: another can neither run nor be looked up."""
    return bool(_IMAGE.fullmatch(image))


def find_digest(account: Account, image: str) -> str | None:
    """Return the digest an image has now; None if the registry has no such image.

    Raises
    ------
    CloudError
        The registry does not say.
    """
    found = _IMAGE.fullmatch(image)
    if found is None:
        raise CloudError(f"not an image of AWS's registry: {account.scrub(image)}")
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    with told(account, f"looking for image {account.scrub(image)}"):
        answer = looked_up(
            lambda: account.client("ecr").batch_get_image(
                registryId=found["registry"],
                repositoryName=found["repository"],
                imageIds=[wanted],
                acceptedMediaTypes=_MANIFESTS,
            )
        )
    images = (answer or {}).get("images", [])
    return str(images[0]["imageId"]["imageDigest"]) if images else None


def digest_of(account: Account, image: str) -> str | None:
    """Return the digest an image has now, if the registry says so: a measurement does not fail for want of it."""
    try:
        return find_digest(account, image)
    except CloudError:
        return None
