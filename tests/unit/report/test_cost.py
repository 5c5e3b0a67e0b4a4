"""What runs cost: their time, at the price of an hour."""

from __future__ import annotations

from builders import MEASURED, measured, sampled_metric

from llm_claims.document.instances import Instance, InstanceTable
from llm_claims.evidence.evidence import Evidence
from llm_claims.report.cost import cost_tables
from llm_claims.workloads.generation.workload import Generation

G5 = Instance(
    gpu="A10G",
    gpus=1,
    gpu_memory_gib=24,
    compute_capability=8.6,
    vcpus=8,
    host_memory_gib=32,
    usd_per_hour=1.8,
    price_resolution=0.001,
    efa_interfaces=0,
    gpudirect_rdma=False,
)
INSTANCES = InstanceTable(
    dated="2026-09-01",
    source="a price list",
    instances={"g5.2xlarge": G5, "g4dn.2xlarge": G5.model_copy(update={"usd_per_hour": 0.9})},
)


def served(seconds: float, instance: str | None, prompts: int = 1) -> Evidence:
    workload = Generation(
        model="llama-7b", engine="deepspeed", precision="fp16", input_tokens=10, new_tokens=64, prompts=prompts
    )
    provenance = MEASURED.model_copy(update={"instance_type": instance})
    entry = measured(workload, latency_seconds=sampled_metric("latency_seconds", *(seconds,) * 3))
    return entry.model_copy(update={"provenance": provenance})


def test_a_thousand_prompts_cost_their_time_by_instance_type() -> None:
    runs = [served(4.0, "g4dn.2xlarge"), served(2.0, "g5.2xlarge"), served(4.0, "g5.2xlarge", prompts=4)]
    (table,) = cost_tables("here", [*runs, served(1.0, None), served(1.0, "x9.large")], INSTANCES)
    assert table.title == "cost of 1,000 prompts, here, at the prices of 2026-09-01"
    assert table.columns == ("g5.2xlarge", "g4dn.2xlarge")
    assert table.rows == (
        ("llama-7b deepspeed fp16, 10+64 tokens, 1 prompt", ("$1", "$1")),
        ("llama-7b deepspeed fp16, 10+64 tokens, 4 prompts", ("$0.5", "")),
    )


def test_what_ran_on_no_priced_instance_has_no_table() -> None:
    assert list(cost_tables("here", [served(1.0, None)], INSTANCES)) == []
