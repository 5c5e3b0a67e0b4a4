"""What fills an open request, what stands for a smaller GPU, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from fake_gpus import FakeGpus, place
from pydantic import ValidationError

from llm_claims.errors import Untestable
from llm_claims.workloads.generation import compilation
from llm_claims.workloads.generation.defaults import CPU, GPU, GenerationDefaults
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.hardware import Hardware, Processor

TWO = GenerationDefaults(
    fields=Generation(engine="transformers", model="m", cache="static"),
    other_engine=Generation(cache="dynamic", api="pipeline"),
)


@pytest.mark.parametrize(
    ("engine", "filled"),
    [
        (None, {"cache": "static"}),
        ("transformers", {"cache": "static"}),
        ("deepspeed", {"cache": "dynamic", "api": "pipeline"}),
    ],
)
def test_another_engine_is_filled_by_a_template_of_its_own_first(engine: Any, filled: dict[str, Any]) -> None:
    found = TWO.fields_for(Generation(engine=engine))
    assert found == {"prompts": 1, "engine": "transformers", "model": "m", **filled}


def test_a_batch_size_is_never_filled() -> None:
    with pytest.raises(ValidationError, match="batch_size is never filled"):
        GenerationDefaults(fields=Generation(batch_size=4))


@pytest.mark.parametrize(
    ("hardware", "stated", "filled"),
    [
        (Processor(), {"prompts": 2, "api": "pipeline"}, CPU.fields.stated()),
        (Processor(), {"precision": "bf16"}, {**CPU.fields.stated(), **CPU.in_precision["bf16"].stated()}),
        (
            Processor(),
            {"precision": "bf16", "cache": "dynamic"},
            {**CPU.fields.stated(), **CPU.in_precision["bf16"].stated(), "cache": "dynamic"},
        ),
        (FakeGpus(1), {"prompts": 2, "api": "pipeline"}, GPU.fields.stated()),
        (FakeGpus(1), {"engine": "accelerate"}, {**GPU.fields.stated(), "cache": "dynamic"}),
        (FakeGpus(2), {"engine": "deepspeed"}, {**GPU.fields.stated(), "cache": "dynamic"}),
    ],
)
def test_open_fields_become_those_of_the_hardware(
    hardware: Hardware, stated: dict[str, Any], filled: dict[str, Any]
) -> None:
    assert place(Generation(**stated), hardware).workload == Generation(**{**filled, **stated})


@pytest.mark.parametrize(
    ("on", "stands", "left"), [("g5.xlarge", 24, None), ("g4dn.xlarge", None, "g4dn.xlarge"), (None, None, None)]
)
def test_the_memory_of_an_instance_is_a_cap(on: str | None, stands: float | None, left: str | None) -> None:
    workload, place_left, note = GPU.analogue(Generation(), on)
    assert (workload, place_left) == (Generation(device_memory_gib=stands), left)
    assert note == (
        f"an analogue of {on}'s memory, not of its speed: a GPU whose allocator may take 24 GiB" * bool(stands)
    )


@pytest.mark.parametrize(
    ("hardware", "stated", "on", "reason"),
    [
        (Processor(), {"engine": "deepspeed"}, None, "needs engine=deepspeed; the CPU serves engine=transformers"),
        (Processor(), {"model": "llama-7b"}, None, "needs model=llama-7b; the CPU serves model=llama-30m"),
        (Processor(), {"precision": "fp16"}, None, "needs precision=fp16; the CPU serves precision=fp32"),
        (Processor(), {"tensor_parallel_degree": 2}, None, "needs tensor_parallel_degree=2"),
        (Processor(), {"device_memory_gib": 24}, None, "a processor has no device memory to cap"),
        (Processor(), {"quantization": "int4"}, None, "quantization=int4: this program stores weights in int8"),
        (FakeGpus(1), {"engine": "deepspeed", "quantization": "int8"}, None, "measured with the engine transformers"),
        (Processor(), {"prompts": 2}, None, "generate takes one batch and no list of prompts"),
        (Processor(), {}, "g5.2xlarge", r"needs ml\.g5\.2xlarge; this is a CPU"),
        (FakeGpus(1), {"engine": "deepspeed", "tensor_parallel_degree": 8}, None, "needs 8 GPUs; this machine has 1"),
        (FakeGpus(2), {"tensor_parallel_degree": 2}, None, "transformers serves on one GPU"),
        (FakeGpus(1), {"engine": "fastertransformer"}, None, "no engine 'fastertransformer' on a GPU"),
        (FakeGpus(1, 16_384), {"model": "llama-13b"}, None, r"serving llama-13b on 1 GPU\(s\) needs 28 GiB a GPU"),
        (FakeGpus(1, 16_384), {}, "g5.2xlarge", "a cap of 24 GiB needs 24 GiB a GPU; one has 16 GiB"),
        (FakeGpus(1), {}, "g4dn.xlarge", r"needs ml\.g4dn\.xlarge; this is a GPU of this machine"),
    ],
)
def test_what_hardware_cannot_serve_is_refused(
    hardware: Hardware, stated: dict[str, Any], on: str | None, reason: str
) -> None:
    with pytest.raises(Untestable, match=reason):
        place(Generation(**stated), hardware, on)


def test_compiling_on_a_processor_needs_a_compiler_and_python_s_headers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = Generation(precision="bf16", cache="static")
    monkeypatch.delenv("CXX", raising=False)
    (tmp_path / "g++").touch(mode=0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compilation.sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(Untestable, match=r"needs Python's headers, and there is no .*Python\.h"):
        place(asked, Processor())
    (tmp_path / "Python.h").touch()
    assert place(asked, Processor()).workload.cache == "static"
    monkeypatch.setenv("CXX", "clang++")
    with pytest.raises(Untestable, match=r"needs a C\+\+ compiler, and there is no clang\+\+"):
        place(asked, Processor())
    assert place(asked.model_copy(update={"cache": "dynamic"}), Processor()).workload.cache == "dynamic"
