"""The fingerprint of everything that could change what is measured live."""

from __future__ import annotations

import hashlib
import os
import platform
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import ConfigDict, RootModel

from llm_claims.errors import Untestable
from llm_claims.workloads.devices import find_devices
from llm_claims.workloads.program import hardware

DISTRIBUTIONS = ("torch", "transformers", "tokenizers", "accelerate", "deepspeed", "keras", "safetensors", "numpy")
"""What the programs compute with; their versions are read from the installation, and nothing is imported."""

STEERING = (
    *("ACCELERATE_", "DNNL_", "DS_", "GLOO_", "GOMP_", "HF_", "KERAS_", "KMP_", "LD_", "MALLOC_", "MKL_", "OMP_"),
    *("ONEDNN_", "PYTORCH_", "TOKENIZERS_", "TORCH", "TRANSFORMERS_"),
)
"""How environment variables begin by which libraries are steered."""

_PACKAGE = Path(__file__).parent


class Fingerprint(RootModel[dict[str, str]]):
    """What live evidence depends on, by name: versions as they are, contents as digests."""

    model_config = ConfigDict(frozen=True)

    def changes(self, since: Fingerprint) -> str:
        """Name everything that differs from an earlier fingerprint, in words; empty if nothing does."""
        before, now = since.root, self.root
        names = [name for name in dict.fromkeys((*before, *now)) if before.get(name) != now.get(name)]
        return ", ".join(_change(name, before.get(name, ""), now.get(name, "")) for name in names)


def fingerprint_of(program: Sequence[str], rounds: int, gpu_program: Sequence[str] = ()) -> Fingerprint:
    """Take the fingerprint of this installation on this machine.

    ``program`` and ``gpu_program`` are the commands of programs other than the package's own, if there are any.
    The most ``rounds`` of a relation count too: they say how often it was looked at.
    """
    return Fingerprint(
        {
            "processor": hardware(),
            "system": f"{platform.system()} {platform.release()}",
            "python": platform.python_version(),
            **{name: _version(name) for name in DISTRIBUTIONS},
            "--rounds": str(rounds),
            "claims_cpu_program": shlex.join(program),
            "the files of claims_cpu_program": _digest({part: Path(part) for part in program[1:]}),
            "claims_gpu_program": shlex.join(gpu_program),
            "the files of claims_gpu_program": _digest({part: Path(part) for part in gpu_program[1:]}),
            "GPUs": _devices(),
            "the code of llm_claims": _digest({str(p.relative_to(_PACKAGE)): p for p in _PACKAGE.rglob("*.py")}),
            "environment variables": _hashed(_steering()),
        }
    )


def _change(name: str, before: str, now: str) -> str:
    if name == "environment variables" or name.startswith("the "):
        return f"{name} changed"
    return f"{name} was {before or 'absent'} and is {now or 'absent'}"


def _devices() -> str:
    try:
        return find_devices().describe()
    except Untestable:
        return ""


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _digest(files: Mapping[str, Path]) -> str:
    """Names and contents of the files that are there."""
    found = sorted((name, path) for name, path in files.items() if path.is_file())
    return _hashed(part for name, path in found for part in (name.encode(), path.read_bytes()))


def _steering() -> Iterator[bytes]:
    """The variables that steer, which may hold secrets: only ever as a digest."""
    for name, value in sorted(os.environ.items()):
        if name.startswith(STEERING):
            yield f"{name}={value}".encode()


def _hashed(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        # The length first: where one part ends and the next begins counts too.
        whole.update(b"%d:" % len(part) + part)
    return whole.hexdigest()[:16]
