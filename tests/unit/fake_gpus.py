"""GPUs for machines without: a script in place of NVIDIA's tool, which prints what it is told; and devices as such."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from llm_claims.sources.base import Placed
from llm_claims.sources.local import LocalSource
from llm_claims.sources.store import EvidenceStore
from llm_claims.workloads.base import Workload
from llm_claims.workloads.devices import Devices
from llm_claims.workloads.hardware import Gpus, Hardware

SCRIPT = """#!{python}
import json, sys
said = json.load(open({said!r}))
if said.get("fails"):
    print(said["fails"]); sys.exit(9)
arguments = sys.argv[1:]
if arguments[:2] == ["topo", "-m"]:
    if said["topology"] is None:
        print("Failed to get topology"); sys.exit(9)
    print(said["topology"]); sys.exit()
names = next(one for one in arguments if one.startswith("--query-gpu=")).partition("=")[2].split(",")
chosen = next((one.partition("=")[2].split(",") for one in arguments if one.startswith("--id=")), None)
for number, gpu in enumerate(said["gpus"]):
    if chosen is None or str(number) in chosen:
        print(", ".join(str({{"index": number, **gpu}}[name]) for name in names))
"""
H100 = {
    "name": "NVIDIA H100 80GB HBM3",
    "memory.total": 81559,
    "driver_version": "580.159.04",
    "clocks.sm": 345,
    "clocks.mem": 2619,
    "temperature.gpu": 34,
    "power.draw": 71.37,
    "memory.used": 0,
}
H200 = {**H100, "name": "NVIDIA H200", "memory.total": 143771}
TOPOLOGY = "\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \tNV18\t0-31\nGPU1\tNV18\t X \t0-31\n\nLegend:\n\n  X    = Self"


def put_gpus(
    folder: Path, patch: pytest.MonkeyPatch, *gpus: dict[str, object], fails: str = "", topology: str | None = TOPOLOGY
) -> None:
    """Put the tool first on the path: it shows these devices, or fails with these words."""
    folder.mkdir(exist_ok=True)
    said = folder / "said.json"
    said.write_text(json.dumps({"gpus": gpus, "fails": fails, "topology": topology}))
    tool = folder / "nvidia-smi"
    tool.write_text(SCRIPT.format(python=sys.executable, said=str(said)))
    tool.chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=":")
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


class FakeGpus(Gpus):
    """So many GPUs, seen without any driver."""

    def __init__(self, count: int, memory_mib: int = 143_771) -> None:
        super().__init__()
        self._seen = Devices(model="NVIDIA H200", count=count, memory_mib=memory_mib, driver="580.159.04")

    @property
    def devices(self) -> Devices:
        return self._seen


def place(workload: Workload, hardware: Hardware, on: str | None = None) -> Placed:
    """Where a local source of this hardware places a workload."""
    return LocalSource(hardware, EvidenceStore()).place(workload, None, on)
