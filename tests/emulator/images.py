"""Container images, as the registry describes them. There are none here; any is said to exist, unless set otherwise."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.emulator.errors import AwsError
from tests.emulator.world import World


def digest_of(image: str) -> str:
    return "sha256:" + hashlib.sha256(image.encode()).hexdigest()


def _name(params: dict[str, Any], tag: str) -> str:
    registry = params.get("registryId", "")
    return f"{registry}.dkr.ecr.us-east-1.amazonaws.com/{params['repositoryName']}:{tag}"


def _missing(world: World, image: str) -> bool:
    return any(part in image for part in world.settings.missing_images)


def batch_get(world: World, params: dict[str, Any]) -> dict[str, Any]:
    """`BatchGetImage`, which AWS's own registries allow to every account."""
    images, failures = [], []
    for asked in params["imageIds"]:
        name = _name(params, asked.get("imageTag", ""))
        if _missing(world, name):
            failures.append(
                {"imageId": asked, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
            )
            continue
        found = {"imageId": {**asked, "imageDigest": digest_of(name)}, "imageManifest": "{}"}
        images.append({"registryId": params.get("registryId", ""), "repositoryName": params["repositoryName"], **found})
    return {"images": images, "failures": failures}


def describe(world: World, params: dict[str, Any]) -> dict[str, Any]:
    details = []
    for asked in params.get("imageIds", []):
        name = _name(params, asked.get("imageTag", ""))
        if _missing(world, name):
            raise AwsError(
                "ImageNotFoundException",
                f"The image with imageId {asked} does not exist within the repository '{params['repositoryName']}'",
            )
        row = {"imageDigest": digest_of(name), "imageTags": [asked.get("imageTag", "")]}
        details.append({"registryId": params.get("registryId", ""), "repositoryName": params["repositoryName"], **row})
    return {"imageDetails": details}
