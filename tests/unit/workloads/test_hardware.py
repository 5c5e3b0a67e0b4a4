"""Hardware: what it is called, and what has to be so before anything runs on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_gpus import H100, put_gpus

from llm_claims.errors import Untestable
from llm_claims.workloads.hardware import Gpus, Processor, processor


def test_a_processor_is_on_every_machine_and_is_named_with_its_cores() -> None:
    assert Processor.always_here
    assert Processor().take() is None
    name, _, cores = processor().rpartition(", ")
    assert name.strip()
    assert int(cores.split()[0]) >= 1


def test_gpus_are_looked_for_once_and_looked_at_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gpus(tmp_path, monkeypatch, H100)
    here = Gpus()
    assert here.devices.count == 1
    put_gpus(tmp_path, monkeypatch, H100, H100)
    assert (here.devices.count, here.take().count) == (1, 2)
    put_gpus(tmp_path, monkeypatch)
    none = Gpus()
    for _ in range(2):
        with pytest.raises(Untestable, match="nvidia-smi lists none"):
            none.devices.describe()


@pytest.mark.parametrize(
    ("used", "reason"),
    [
        (4000, "another process holds GPU 0: 4000 MiB"),
        ("[N/A]", "GPU 0 does not report how much of its memory is in use"),
    ],
)
def test_a_device_that_may_be_in_use_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, used: Any, reason: str
) -> None:
    put_gpus(tmp_path, monkeypatch, {**H100, "memory.used": used})
    with pytest.raises(Untestable, match=reason):
        Gpus().take()
