"""Tags of resources."""

from __future__ import annotations

from typing import Any

from tests.emulator.world import World


def as_map(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def as_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def add(world: World, params: dict[str, Any]) -> dict[str, Any]:
    row = world.shelf.by_arn(params["ResourceArn"])
    row.tags.update(as_map(params["Tags"]))
    return {"Tags": as_list(row.tags)}


def delete(world: World, params: dict[str, Any]) -> dict[str, Any]:
    row = world.shelf.by_arn(params["ResourceArn"])
    for key in params["TagKeys"]:
        row.tags.pop(key, None)
    return {}


def listed(world: World, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": as_list(world.shelf.by_arn(params["ResourceArn"]).tags)}
