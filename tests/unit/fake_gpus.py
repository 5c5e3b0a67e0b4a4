"""A stand-in for NVIDIA's tool: a script on the path that prints what it is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

SCRIPT = """#!{python}
import json, sys
said = json.load(open({said!r}))
if said.get("fails"):
    print(said["fails"]); sys.exit(9)
arguments = sys.argv[1:]
if arguments[:2] == ["topo", "-m"]:
    print(said["topology"]); sys.exit()
names = next(one for one in arguments if one.startswith("--query-gpu=")).partition("=")[2].split(",")
chosen = next((one.partition("=")[2].split(",") for one in arguments if one.startswith("--id=")), None)
for number, gpu in enumerate(said["gpus"]):
    if chosen is None or str(number) in chosen:
        print(", ".join(str(gpu[name]) for name in names))
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


def put_gpus(folder: Path, patch: pytest.MonkeyPatch, *gpus: dict[str, object], fails: str = "") -> None:
    """Put the tool first on the path: it shows these devices, or fails with these words."""
    folder.mkdir(exist_ok=True)
    said = folder / "said.json"
    said.write_text(json.dumps({"gpus": gpus, "fails": fails, "topology": TOPOLOGY}))
    tool = folder / "nvidia-smi"
    tool.write_text(SCRIPT.format(python=sys.executable, said=str(said)))
    tool.chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=":")
    patch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
