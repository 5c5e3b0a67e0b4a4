"""Devices: the GPUs of a machine, as NVIDIA's own tool reports them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, FiniteFloat, PositiveInt

from llm_claims.errors import Untestable

_TOOL = "nvidia-smi"
_SECONDS = 30
_STATIC = ("name", "memory.total", "driver_version")
_STATE = ("clocks.sm", "clocks.mem", "temperature.gpu", "power.draw", "memory.used")
BUSY_MIB = 1024
"""A device with more memory in use than this is busy: an idle driver holds some hundred MiB, a program more."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeviceState(_Model):
    """What one device reports of itself at one moment; ``None`` where it does not say."""

    sm_clock_mhz: FiniteFloat | None
    memory_clock_mhz: FiniteFloat | None
    temperature_celsius: FiniteFloat | None
    power_watts: FiniteFloat | None
    memory_used_mib: FiniteFloat | None


class Devices(_Model):
    """The GPUs of one machine, all of one model.

    ``links`` says how each device is connected to each, in nvidia-smi's words (``NV18``, ``PIX``, ``X`` for itself),
    shape (count, count). ``start`` and ``end`` are the states of the devices before the first run and after the last.
    """

    model: str
    count: PositiveInt
    memory_mib: PositiveInt
    driver: str
    links: tuple[tuple[str, ...], ...] = ()
    start: tuple[DeviceState, ...] = ()
    end: tuple[DeviceState, ...] = ()

    def describe(self) -> str:
        """One line for people."""
        return f"{self.count} × {self.model} ({self.memory_mib} MiB each, driver {self.driver})"

    def check_count(self, needed: int, what: str) -> None:
        """Check that this machine has at least ``needed`` GPUs; ``what`` names what needs them in the error.

        Raises
        ------
        Untestable
            It has fewer.
        """
        if needed > self.count:
            raise Untestable(f"{what} needs {needed} GPUs; this machine has {self.count}")

    def check_memory(self, needed_bytes: float, what: str) -> None:
        """Check that one GPU has at least ``needed_bytes`` of memory; ``what`` names what needs it in the error.

        Raises
        ------
        Untestable
            It has less.
        """
        if needed_bytes > (there := self.memory_mib * 2**20):
            raise Untestable(f"{what} needs {needed_bytes / 2**30:.0f} GiB a GPU; one has {there / 2**30:.0f} GiB")


def find_devices() -> Devices:
    """Return the GPUs of this machine with their present state.

    Raises
    ------
    Untestable
        There is none, or its driver does not answer or leaves out its memory; the text says which.
    """
    rows = _query((*_STATIC, *_STATE))
    models = {row[0] for row in rows}
    if len(models) > 1:
        raise Untestable(
            f"the GPUs of this machine differ: {', '.join(sorted(models))}; choose with CUDA_VISIBLE_DEVICES"
        )
    name, memory, driver = rows[0][: len(_STATIC)]
    memory_mib = _number(memory)
    if memory_mib is None:
        raise Untestable(f"nvidia-smi does not say how much memory {name} has: {memory}")
    return Devices(
        model=name,
        count=len(rows),
        memory_mib=int(memory_mib),
        driver=driver,
        links=_links(),
        start=tuple(_state(row[len(_STATIC) :]) for row in rows),
    )


def states() -> tuple[DeviceState, ...]:
    """Return the present state of each device.

    Raises
    ------
    Untestable
        The driver does not answer.
    """
    return tuple(map(_state, _query(_STATE)))


def busy(devices: Devices) -> str | None:
    """Return why a device is busy, or ``None`` if none is; only meaningful before this suite runs anything."""
    for number, state in enumerate(devices.start):
        if (used := state.memory_used_mib) is None:
            return f"GPU {number} does not report how much of its memory is in use, so another process may be using it"
        if used > BUSY_MIB:
            return (
                f"another process holds GPU {number}: {used:.0f} MiB of its memory are in use. "
                "That would disturb timings: end that process, or choose other devices with CUDA_VISIBLE_DEVICES"
            )
    return None


def _query(fields: Sequence[str]) -> list[list[str]]:
    """Return fields of each device that CUDA_VISIBLE_DEVICES leaves visible, shape (devices, fields)."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible == "":
        raise Untestable("no NVIDIA GPU: CUDA_VISIBLE_DEVICES is set and empty")
    chosen = [f"--id={visible}"] if visible else []
    text = _nvidia_smi(f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits", *chosen)
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines() if line.strip()]
    if not rows or any(len(row) != len(fields) for row in rows):
        raise Untestable(f"no NVIDIA GPU: {_TOOL} lists none")
    return rows


def _links() -> tuple[tuple[str, ...], ...]:
    """How the devices of `_query` are connected, by the tool's table of all; empty where it does not tell."""
    try:
        lines = _nvidia_smi("topo", "-m").splitlines()
    except Untestable:
        return ()
    table = {row[0]: row[1:] for row in map(str.split, lines) if row and row[0].startswith("GPU") and "X" in row}
    column = {name: number for number, name in enumerate(table)}
    chosen = [f"GPU{index}" for (index,) in _query(("index",))]
    if not set(chosen) <= set(table):
        return ()
    return tuple(tuple(table[one][column[other]] for other in chosen) for one in chosen)


def _nvidia_smi(*arguments: str) -> str:
    """Run nvidia-smi and return its output; raise `Untestable` if it is missing, silent or fails."""
    tool = shutil.which(_TOOL)
    if tool is None:
        raise Untestable(f"no NVIDIA GPU: {_TOOL}, which comes with its driver, is not on the PATH")
    try:
        done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise Untestable(f"the GPU's driver does not answer: {_TOOL} said nothing for {_SECONDS} s") from None
    except OSError as error:
        raise Untestable(f"{_TOOL} cannot be started: {error}") from None
    if done.returncode:
        words = next(iter((done.stdout + done.stderr).strip().splitlines()), f"exit status {done.returncode}")
        raise Untestable(f"no working NVIDIA GPU: {_TOOL} says: {words}")
    return done.stdout


def _state(cells: Sequence[str]) -> DeviceState:
    return DeviceState(**dict(zip(DeviceState.model_fields, map(_number, cells), strict=True)))


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:  # "[N/A]", where a device does not say
        return None
