"""The calls about models and endpoint configurations, which are only descriptions."""

from __future__ import annotations

from typing import Any

from tests.emulator import quotas
from tests.emulator.errors import invalid, not_in_enum
from tests.emulator.listing import page
from tests.emulator.shelf import Resource
from tests.emulator.tags import as_map
from tests.emulator.world import World

MODEL, CONFIG = "model", "endpoint-config"


def create_model(world: World, params: dict[str, Any], region: str) -> dict[str, Any]:
    name = params["ModelName"]
    containers = [params["PrimaryContainer"]] if "PrimaryContainer" in params else params.get("Containers", [])
    if len(containers) != 1:
        raise invalid("The emulator serves models of one container.")
    world.check_image(containers[0].get("Image", ""))
    world.check_role(params["ExecutionRoleArn"])
    kept = {key: value for key, value in params.items() if key not in ("Tags", "_json", "Containers")}
    body = {**kept, "PrimaryContainer": containers[0], "CreationTime": world.clock.now()}
    row = Resource(MODEL, name, region, body, as_map(params.get("Tags", [])))
    body["ModelArn"] = row.arn
    world.shelf.add(row)
    return {"ModelArn": row.arn}


def create_config(world: World, params: dict[str, Any], region: str) -> dict[str, Any]:
    variants = params["ProductionVariants"]
    if len(variants) != 1:
        raise invalid("The emulator serves endpoints of one variant.")
    world.shelf.get(MODEL, region, variants[0]["ModelName"])
    if variants[0].get("InstanceType") not in quotas.types_for(quotas.ENDPOINT):
        raise not_in_enum(variants[0].get("InstanceType"), "productionVariants.1.member.instanceType")
    kept = {key: value for key, value in params.items() if key not in ("Tags", "_json")}
    body = {**kept, "CreationTime": world.clock.now()}
    row = Resource(CONFIG, params["EndpointConfigName"], region, body, as_map(params.get("Tags", [])))
    body["EndpointConfigArn"] = row.arn
    world.shelf.add(row)
    return {"EndpointConfigArn": row.arn}


def describe(world: World, kind: str, name: str, region: str) -> dict[str, Any]:
    return dict(world.shelf.get(kind, region, name).body)


def delete(world: World, kind: str, name: str, region: str) -> dict[str, Any]:
    world.shelf.remove(world.shelf.get(kind, region, name))
    return {}


def listed(world: World, kind: str, params: dict[str, Any], region: str) -> dict[str, Any]:
    word = "Model" if kind == MODEL else "EndpointConfig"
    shown = (f"{word}Name", f"{word}Arn", "CreationTime")
    return page(world.shelf.of_kind(kind, region=region), params, f"{word}s", shown)
