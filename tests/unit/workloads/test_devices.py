"""Devices: what the driver's tool says, in words of ours; and why there are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_gpus import H100, H200, put_gpus

from llm_claims.errors import Untestable
from llm_claims.workloads import devices
from llm_claims.workloads.devices import busy, find_devices, states

OF_THREE = (
    "\tGPU0\tGPU1\tGPU2\tCPU Affinity\nGPU0\tX\tPIX\tSYS\t0-31\nGPU1\tPIX\tX\tNV12\t0-31\nGPU2\tSYS\tNV12\tX\t0-31"
)


def test_devices_have_a_model_a_state_and_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path, monkeypatch, H200, H200)
    found = find_devices()
    assert (found.model, found.count, found.memory_mib, found.driver) == ("NVIDIA H200", 2, 143771, "580.159.04")
    assert found.links == (("X", "NV18"), ("NV18", "X"))
    assert [state.temperature_celsius for state in found.start] == [34, 34]
    assert found.describe() == "2 × NVIDIA H200 (143771 MiB each, driver 580.159.04)"
    assert len(states()) == 2


def test_what_a_device_does_not_say_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path, monkeypatch, {**H100, "power.draw": "[N/A]"})
    assert find_devices().start[0].power_watts is None


def test_devices_that_programs_would_not_see_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path, monkeypatch, H100, H200)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert (find_devices().count, find_devices().model, find_devices().links) == (1, "NVIDIA H200", (("X",),))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(Untestable, match="CUDA_VISIBLE_DEVICES is set and empty"):
        find_devices()


def test_links_are_those_of_the_devices_that_programs_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path, monkeypatch, H100, H100, H100, topology=OF_THREE)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,2")
    assert find_devices().links == (("X", "NV12"), ("NV12", "X"))


@pytest.mark.parametrize(
    "topology", ["\tGPU0\tGPU2\nGPU0\tX\tPIX\nGPU2\tPIX\tX", "", None], ids=["part", "none", "fails"]
)
def test_a_table_without_all_devices_tells_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, topology: str | None
) -> None:
    put_gpus(tmp_path, monkeypatch, H100, H100, H100, topology=topology)
    assert find_devices().links == ()


def test_a_table_may_leave_out_devices_that_programs_do_not_see(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gpus(tmp_path, monkeypatch, H100, H100, H100, topology="\tGPU0\tGPU2\nGPU0\tX\tPIX\nGPU2\tPIX\tX")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,2")
    assert find_devices().links == (("X", "PIX"), ("PIX", "X"))


def test_a_device_that_something_else_holds_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path, monkeypatch, H100, {**H100, "memory.used": 5000})
    assert "another process holds GPU 1: 5000 MiB" in str(busy(find_devices()))
    put_gpus(tmp_path, monkeypatch, H100, {**H100, "memory.used": 500})
    assert busy(find_devices()) is None


@pytest.mark.parametrize(
    ("gpus", "fails", "reason"),
    [
        ((), "", "nvidia-smi lists none"),
        (({**H100, "memory.total": "[N/A]"},), "", r"how much memory NVIDIA H100 80GB HBM3 has: \[N/A\]"),
        ((H100, H200), "", "differ: NVIDIA H100 80GB HBM3, NVIDIA H200"),
        ((), "NVIDIA-SMI has failed because it couldn't communicate with the driver.", "says: NVIDIA-SMI has failed"),
    ],
    ids=["none", "no-memory", "mixed", "no-driver"],
)
def test_why_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpus: tuple[dict[str, object], ...], fails: str, reason: str
) -> None:
    put_gpus(tmp_path, monkeypatch, *gpus, fails=fails)
    with pytest.raises(Untestable, match=reason):
        find_devices()


@pytest.mark.parametrize(
    ("tool", "reason"),
    [
        (None, "no NVIDIA GPU: nvidia-smi, which comes with its driver, is not on the PATH"),
        ("#!/bin/sh\nexec /bin/sleep 60", "the GPU's driver does not answer: nvidia-smi said nothing for 0.2 s"),
        ("\0", "nvidia-smi cannot be started: "),
    ],
    ids=["none", "hangs", "broken"],
)
def test_a_machine_without_a_tool_that_works_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str | None, reason: str
) -> None:
    monkeypatch.setattr(devices, "_SECONDS", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path))
    if tool is not None:
        (tmp_path / "nvidia-smi").write_text(tool)
        (tmp_path / "nvidia-smi").chmod(0o755)
    with pytest.raises(Untestable, match=reason):
        find_devices()
