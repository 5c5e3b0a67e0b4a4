"""The requirements files pin what pyproject.toml asks for and all that it needs, and nothing else."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = [Requirement(text) for text in sum(EXTRAS.values(), PROJECT["dependencies"])]


def pins(*files: str) -> dict[str, Requirement]:
    lines = (line for file in files for line in (ROOT / file).read_text(encoding="utf-8").splitlines())
    found = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    return {canonicalize_name(pin.name): pin for pin in found}


def closure(asked: Iterable[Requirement]) -> set[str]:
    """Return the names of ``asked`` and of all that they need, as far as they are installed."""
    seen = set()
    todo = [(one.name, extra) for one in asked for extra in ("", *one.extras)]
    while todo:
        name, extra = todo.pop()
        try:
            needed = [Requirement(text) for text in requires(name) or ()]
        except PackageNotFoundError:
            continue
        if (key := (canonicalize_name(name), extra)) in seen:
            continue
        seen.add(key)
        todo += [
            (need.name, of)
            for need in needed
            if need.marker is None or need.marker.evaluate({"extra": extra})
            # A CUDA build of torch needs more than the CPU build, and pins that itself.
            if not need.name.startswith(("cuda-", "nvidia-", "triton"))
            for of in ("", *need.extras)
        ]
    return {name for name, _ in seen}


def test_every_pin_is_exact_and_within_the_bounds_of_the_project() -> None:
    files = (f"requirements{part}.txt" for part in ("", "-sagemaker", "-dev", "-calibrate", "-sweep"))
    pinned = pins(*files)
    for asked in ASKED:
        (pin,) = pinned[canonicalize_name(asked.name)].specifier
        assert asked.specifier.contains(pin.version), asked
    assert all(str(pin.specifier).startswith("==") for pin in pinned.values())


def test_what_make_claims_installs_is_complete_without_the_rest() -> None:
    pinned = pins("requirements.txt")
    live = [Requirement(text) for text in PROJECT["dependencies"] + EXTRAS["live"]]
    assert closure([*live, *pinned.values()]) <= pinned.keys()


def test_what_is_pinned_is_what_is_needed() -> None:
    pinned = pins("requirements.txt", "requirements-sagemaker.txt")
    needed = closure(asked for asked in ASKED if canonicalize_name(asked.name) in pinned)
    assert pinned.keys() == needed | {"pip", "setuptools"}


def test_a_sweep_installs_boto3_and_what_it_needs() -> None:
    pinned = pins("requirements-sweep.txt")
    assert pinned.keys() == closure([Requirement("boto3")])
    assert pinned.items() <= pins("requirements-sagemaker.txt").items()
