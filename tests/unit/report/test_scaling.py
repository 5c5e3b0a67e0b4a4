"""Tables of scaling: a row for what is alike in all but the number of GPUs, a column for each number."""

from __future__ import annotations

from typing import Any

from builders import MEASURED, REPORTED, failed, measured, sampled_metric, witness_of

from llm_claims.evidence.evidence import Evidence
from llm_claims.report.scaling import scaling_lines, scaling_tables
from llm_claims.workloads.base import Workload
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.training.workload import Training


def entry(workload: Workload, **metrics: tuple[float, ...]) -> Evidence:
    return measured(workload, **{name: sampled_metric(name, *values) for name, values in metrics.items()})


def trained(ranks: int, seconds: float, stage: Any = 1, **more: Any) -> Evidence:
    workload = Training(model="llama-7b", precision="bf16", zero_stage=stage, ranks=ranks, transport="p2p")
    figures = {"step_seconds": (seconds, seconds, 99.0), "model_flops_utilisation": (0.344, 0.344, 0.01)}
    return entry(workload, **figures, **more)


def served(degree: int | None, seconds: float, **fields: Any) -> Evidence:
    request = {"engine": "deepspeed", "precision": "fp16", "input_tokens": 750, "new_tokens": 128}
    workload = Generation(model="llama-13b", tensor_parallel_degree=degree, **{**request, **fields})
    return entry(workload, latency_seconds=(seconds,) * 3)


def test_training_has_a_row_for_each_stage_and_a_column_for_each_number_of_ranks() -> None:
    shares = {"communication_share": (0.07,) * 3, "compute_share": (0.8,) * 3}
    (table,) = scaling_tables("here", [trained(8, 1.5), trained(2, 0.96, **shares), trained(2, 3.2, stage=3)])
    assert table.title == "training by number of ranks, here"
    assert table.columns == ("2 GPUs", "8 GPUs")
    assert table.rows == (
        ("llama-7b ZeRO-1 bf16 p2p", ("0.96 s/step, 34% MFU, 7% communication, 80% computing", "1.5 s/step, 34% MFU")),
        ("llama-7b ZeRO-3 bf16 p2p", ("3.2 s/step, 34% MFU", "")),
    )


def test_serving_has_latencies_by_degree() -> None:
    alone = served(1, 1.0, input_tokens=10)  # measured on one GPU alone: it says nothing of scaling
    (table,) = scaling_tables("here", [served(None, 5.2), served(2, 6.13), served(2, 7.0, prompts=4), alone])
    assert table.columns == ("1 GPU", "2 GPUs")
    assert table.rows == (
        ("llama-13b deepspeed fp16, 750+128 tokens, 1 prompt", ("5.2 s", "6.13 s")),
        ("llama-13b deepspeed fp16, 750+128 tokens, 4 prompts", ("", "7 s")),
    )


def test_what_ran_on_one_gpu_or_did_not_end_has_no_table() -> None:
    workload = served(2, 1.0).workload
    broken = failed(workload, "failed", "AttributeError", provenance=MEASURED, witness=witness_of(workload))
    assert list(scaling_tables("here", [served(1, 1.0), broken])) == []


def test_a_small_model_says_nothing_of_the_hardware() -> None:
    small = entry(Training(model="llama-85m", zero_stage=1, ranks=2), step_seconds=(0.1,) * 3)
    assert list(scaling_tables("here", [small])) == []


def test_columns_are_aligned() -> None:
    (table,) = scaling_tables("here", [served(1, 5.2), served(2, 6.13)])
    assert list(scaling_lines(table)) == [
        "scaling: latency by tensor parallel degree, here",
        "                                                      1 GPU  2 GPUs",
        "  llama-13b deepspeed fp16, 750+128 tokens, 1 prompt  5.2 s  6.13 s",
    ]


def test_rows_differ_by_where_they_ran_and_by_what_else_differs() -> None:
    def on(instance: str | None, seconds: float, **fields: Any) -> Evidence:
        provenance = MEASURED.model_copy(update={"instance_type": instance})
        return served(2, seconds, **fields).model_copy(update={"provenance": provenance})

    (table,) = scaling_tables("here", [on("g5.12xlarge", 18.6), on("p4d.24xlarge", 7.8), on(None, 5.0, cache="static")])
    name = "llama-13b deepspeed fp16, 750+128 tokens, 1 prompt"
    assert dict(table.rows) == {
        f"{name}, instance=g5.12xlarge": ("18.6 s",),
        f"{name}, instance=p4d.24xlarge": ("7.8 s",),
        f"{name}, cache=static, instance=None": ("5 s",),
    }


def test_requests_that_differ_in_size_alone_have_tables_by_batch_and_by_tokens() -> None:
    sizes = [
        {},
        {"input_tokens": 10},
        {"new_tokens": 64},
        {"prompts": 4, "batch_size": 4},
        {"prompts": 1, "batch_size": 1},
    ]
    tables = scaling_tables("here", [served(1, float(i), **fields) for i, fields in enumerate(sizes, start=1)])
    stack = "llama-13b deepspeed fp16"
    assert {table.title: (table.columns, table.rows) for table in tables} == {
        "latency by batch size, here": (("1 prompt", "4 prompts"), ((f"{stack}, 750+128 tokens", ("5 s", "4 s")),)),
        "latency by new tokens, here": (
            ("64 new tokens", "128 new tokens"),
            ((f"{stack}, 750 input tokens, 1 prompt", ("3 s", "1 s")),),
        ),
        "latency by input tokens, here": (
            ("10 input tokens", "750 input tokens"),
            ((f"{stack}, 128 new tokens, 1 prompt", ("2 s", "1 s")),),
        ),
    }


def test_what_a_document_printed_is_no_measurement() -> None:
    printed = served(2, 5.0).model_copy(update={"provenance": REPORTED})
    assert list(scaling_tables("here", [printed])) == []
