"""What fills an open load, what stands for an instance's host memory, and what is refused."""

from __future__ import annotations

import pytest
from fake_gpus import FakeGpus, place

from llm_claims.errors import Untestable
from llm_claims.workloads.hardware import Hardware, Processor
from llm_claims.workloads.loading import program
from llm_claims.workloads.loading.defaults import CPU
from llm_claims.workloads.loading.workload import Loading


def test_open_fields_become_a_stand_in_of_half_precision() -> None:
    assert place(Loading(checkpoint="safetensors"), Processor()).workload == CPU.fields.model_copy(
        update={"checkpoint": "safetensors"}
    )


@pytest.mark.parametrize(("missing", "instance"), [(None, "g4dn.xlarge"), ("needs a memory cgroup (root)", None)])
def test_an_instances_host_memory_is_a_cap_where_one_can_be_made(
    monkeypatch: pytest.MonkeyPatch, missing: str | None, instance: str | None
) -> None:
    monkeypatch.setattr(program, "missing", lambda: missing)
    if instance is None:
        with pytest.raises(Untestable, match=r"host_memory_to_weights needs a memory cgroup \(root\)"):
            place(Loading(), Processor(), "g4dn.xlarge")
    else:
        placed = place(Loading(), Processor(), instance)
        assert placed.workload == CPU.fields.model_copy(update={"host_memory_to_weights": 1.185})
        assert "an analogue of g4dn.xlarge: host memory capped at 1.185 times the weights" in placed.note


@pytest.mark.parametrize(
    ("hardware", "workload", "on", "reason"),
    [
        (Processor(), Loading(), "g5.48xlarge", r"needs ml\.g5\.48xlarge; this is a CPU"),
        (Processor(), Loading(model="llama-7b"), None, "no model 'llama-7b'; choose from llama-270m"),
        (FakeGpus(1), Loading(), None, "loading is measured on the processor"),
    ],
)
def test_what_hardware_cannot_load_is_refused(
    hardware: Hardware, workload: Loading, on: str | None, reason: str
) -> None:
    with pytest.raises(Untestable, match=reason):
        place(workload, hardware, on)
