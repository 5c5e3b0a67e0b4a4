"""The generation program: what it measures, and that its witness tells when a run was not what was asked.

Most tests use a small model in this process; one has the real program, in a fork of a warm process.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from warm import Forker

from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.generation import llama, loaded_model, request
from llm_claims.workloads.generation import program as generate
from llm_claims.workloads.generation.loaded_model import LoadedModel, ModelKey
from llm_claims.workloads.generation.observer import count_new
from llm_claims.workloads.generation.prompts import build_tokenizer, prompt_text
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.program import answer
from llm_claims.workloads.protocol import Answer, Request
from llm_claims.workloads.training.workload import Training

MODEL = "llama-2m"
SHAPE = {**llama.SHAPES["llama-30m"], "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4}
KEY = ModelKey(MODEL, "fp32", "transformers")
ASKED = Generation(
    model=MODEL,
    precision="fp32",
    engine="transformers",
    api="generate",
    tensor_parallel_degree=1,
    input_tokens=10,
    new_tokens=5,
)


@pytest.fixture(scope="module")
def generator() -> Iterator[generate.Generator]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(generate.THREADS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(llama.SHAPES, MODEL, {**SHAPE, "num_key_value_heads": 4})
        for module in (llama, request):
            patch.setattr(module, "MODELS", (*llama.MODELS, MODEL))
        patch.setattr(generate, "_WARM_UPS", generate._WARM_UPS[:1])
        yield generate.Generator()
    torch.set_num_threads(before)


@pytest.fixture
def loaded(generator: generate.Generator) -> LoadedModel:
    return generator.model(KEY)


def asked(**changes: Any) -> Generation:
    return Generation.model_validate({**ASKED.model_dump(), **changes})


def run(generator: generate.Generator, workload: Workload) -> Answer:
    return generator.run(Request(workload=workload, round=1, seed=11))


def witness_of(reply: Answer) -> GenerationWitness:
    assert isinstance(reply.witness, GenerationWitness)
    return reply.witness


@pytest.mark.parametrize("api", ["generate", "pipeline"])
def test_the_tokens_of_one_request_are_timed(generator: generate.Generator, api: str) -> None:
    found = run(generator, asked(api=api)).metrics
    first, each, between = (
        found[f"{name}_seconds"] for name in ("time_to_first_token", "time_per_output_token", "inter_token_latency")
    )
    assert between > 0
    assert 0 < first < found["latency_seconds"]
    # The first token, and four after it, are nearly all of the request.
    assert 0.5 * found["latency_seconds"] < first + 4 * each <= found["latency_seconds"]


def test_one_token_has_none_after_it_and_many_prompts_have_no_first(generator: generate.Generator) -> None:
    alone = run(generator, asked(new_tokens=1)).metrics
    assert "time_to_first_token_seconds" in alone
    assert "inter_token_latency_seconds" not in alone
    assert "time_to_first_token_seconds" not in run(generator, asked(api="pipeline", prompts=2)).metrics


def test_the_witness_of_a_run_has_everything_the_workload_states(generator: generate.Generator) -> None:
    reply = run(generator, ASKED)
    seen = witness_of(reply)
    assert differences(ASKED, seen) == []
    assert seen.device == "cpu"
    assert seen.parameters == sum(p.numel() for p in generator.model(KEY).served.model.parameters())
    assert seen.forward_batch_sizes == (1,)
    assert reply.metrics["latency_seconds"] > 0
    assert reply.metrics["new_tokens_per_sequence"] == 5
    assert reply.metrics["largest_forward_batch"] == 1


@pytest.mark.parametrize(
    ("api", "prompts", "batch_size", "forward_batches"),
    [
        ("generate", 1, None, (1,)),
        ("generate", 4, 4, (4,)),
        ("generate", 3, 8, (3,)),
        ("pipeline", 1, None, (1,)),
        ("pipeline", 4, None, (1,)),
        ("pipeline", 4, 1, (1,)),
        ("pipeline", 4, 4, (4,)),
        ("pipeline", 5, 2, (1, 2)),
        ("pipeline", 3, 8, (3,)),
    ],
)
def test_the_batch_that_the_forward_sees_follows_from_the_way_in(
    generator: generate.Generator, api: str, prompts: int, batch_size: int | None, forward_batches: tuple[int, ...]
) -> None:
    workload = asked(api=api, prompts=prompts, batch_size=batch_size)
    reply = run(generator, workload)
    seen = witness_of(reply)
    assert differences(workload, seen) == []
    assert seen.forward_batch_sizes == forward_batches
    assert reply.metrics["largest_forward_batch"] == max(forward_batches)


def test_bf16_is_what_the_products_compute_in(generator: generate.Generator) -> None:
    workload = asked(precision="bf16")
    assert witness_of(run(generator, workload)).forward_dtypes == ("bfloat16",)


def test_int8_is_what_the_layers_hold_and_the_products_compute_in_the_activation_s_precision(
    generator: generate.Generator,
) -> None:
    bf16, int8 = (run(generator, asked(precision="bf16", quantization=bits)) for bits in (None, "int8"))
    plain, small = witness_of(bf16), witness_of(int8)
    assert differences(asked(precision="bf16", quantization="int8"), small) == []
    assert differences(asked(precision="bf16", quantization="int8"), plain) == [
        "quantization: asked 'int8', the run saw None"
    ]
    assert small.forward_dtypes == plain.forward_dtypes == ("bfloat16",)
    assert small.parameters == plain.parameters
    hidden, layers = SHAPE["hidden_size"], SHAPE["num_hidden_layers"]
    channels = layers * (6 * hidden + 2 * SHAPE["intermediate_size"] - hidden) + SHAPE["vocab_size"]
    embeddings, norms = SHAPE["vocab_size"] * hidden, (2 * layers + 1) * hidden
    assert plain.weight_bytes == 2 * plain.parameters
    assert small.weight_bytes == small.parameters + embeddings + norms + 2 * channels
    for reply, seen in ((bf16, plain), (int8, small)):
        read = reply.metrics["weight_bandwidth_bytes_per_second"] * reply.metrics["latency_seconds"]
        assert read == pytest.approx(5 * seen.weight_bytes)
    assert "weight_bandwidth_bytes_per_second" not in run(generator, asked(api="pipeline", prompts=2)).metrics


def test_a_static_cache_is_compiled_before_it_is_timed(
    generator: generate.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    compiled: list[Any] = []

    def as_it_is(call: Any, **options: Any) -> Any:
        """Compile nothing, which takes seconds; hide the call from hooks, as compiled code is."""
        compiled.append(options)

        def inside(*args: Any, **kwargs: Any) -> Any:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(torch.compiler, "is_compiling", lambda: True)
                return call(*args, **kwargs)

        return inside

    monkeypatch.setattr(torch, "compile", as_it_is)
    calls: list[Generation] = []
    whole = generate.call
    monkeypatch.setattr(generate, "call", lambda loaded, workload: calls.append(workload) or whole(loaded, workload))
    workload = asked(precision="bf16", cache="static")
    for again in (2, 1):
        calls.clear()
        seen = witness_of(run(generator, workload))
        assert calls == [workload] * again
        assert differences(workload, seen) == []
        assert (seen.cache, seen.compiled) == ("static", True)
    assert len(compiled) == 1


def test_decoding_that_ran_eagerly_shows(generator: generate.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    assert witness_of(run(generator, ASKED)).compiled is False
    assert witness_of(run(generator, asked(new_tokens=1))).compiled is None
    monkeypatch.setattr(loaded_model, "compile_config", lambda *_: None)
    seen = witness_of(run(generator, asked(cache="static", new_tokens=6)))
    assert list(seen.faults({})) == ["with a static cache decoding is to be compiled, and a step of it ran eagerly"]


def test_open_fields_are_the_program_s_own_defaults(
    monkeypatch: pytest.MonkeyPatch, generator: generate.Generator
) -> None:
    monkeypatch.setattr(request, "DEFAULT", KEY)
    workload = Generation(api="generate", input_tokens=10, new_tokens=2)
    seen = witness_of(run(generator, workload))
    assert (seen.model, seen.forward_dtypes) == (MODEL, ("float32",))


@pytest.mark.parametrize("api", ["generate", "pipeline"])
def test_a_wrong_number_of_new_tokens_shows(
    monkeypatch: pytest.MonkeyPatch, generator: generate.Generator, loaded: LoadedModel, api: str
) -> None:
    model: Any = loaded.served.model
    whole = model.generate

    def short(*args: Any, **kwargs: Any) -> Any:
        return whole(*args, **{**kwargs, "min_new_tokens": 3, "max_new_tokens": 3})

    monkeypatch.setattr(model, "generate", short)
    workload = asked(api=api)
    reply = run(generator, workload)
    assert witness_of(reply).new_tokens == (3,)
    assert reply.metrics["new_tokens_per_sequence"] == 3
    assert [found.partition(":")[0] for found in differences(workload, reply.witness)] == ["new_tokens"]


def test_one_sequence_that_ends_early_shows(
    monkeypatch: pytest.MonkeyPatch, generator: generate.Generator, loaded: LoadedModel
) -> None:
    model: Any = loaded.served.model
    whole = model.generate

    def with_an_early_end(*args: Any, **kwargs: Any) -> Any:
        ids = whole(*args, **kwargs)
        ids[1, 11], ids[1, 12:] = loaded.tokenizer.eos_token_id, loaded.tokenizer.pad_token_id
        return ids

    monkeypatch.setattr(model, "generate", with_an_early_end)
    workload = asked(api="pipeline", prompts=3, batch_size=3)
    reply = run(generator, workload)
    assert witness_of(reply).new_tokens == (5, 2, 5)
    assert reply.metrics["new_tokens_per_sequence"] == 2
    assert differences(workload, reply.witness)


@pytest.mark.parametrize("batch_size", [None, 2])
def test_a_shorter_prompt_shows_and_padding_does_not_hide_it(
    monkeypatch: pytest.MonkeyPatch, generator: generate.Generator, loaded: LoadedModel, batch_size: int | None
) -> None:
    monkeypatch.setattr(loaded_model, "prompt_texts", lambda *_: [prompt_text(10), prompt_text(7)])
    workload = asked(api="pipeline", prompts=2, batch_size=batch_size)
    seen = witness_of(run(generator, workload))
    assert seen.input_tokens == (10, 7)
    assert seen.new_tokens == (5, 5)
    assert [found.partition(":")[0] for found in differences(workload, seen)] == ["input_tokens"]


def test_the_other_code_path_shows(monkeypatch: pytest.MonkeyPatch, generator: generate.Generator) -> None:
    monkeypatch.setattr(loaded_model, "_call_pipeline", lambda *args: loaded_model._call_generate(*args[:3], args[-1]))
    workload = asked(api="pipeline")
    assert differences(workload, run(generator, workload).witness) == ["api: asked 'pipeline', the run saw 'generate'"]


def test_one_layer_in_another_precision_shows(loaded: LoadedModel) -> None:
    import torch

    loaded.observer.reset()
    layer = torch.nn.Linear(4, 4, dtype=torch.bfloat16)
    loaded.observer._on_product(layer, (torch.zeros(1, 4, dtype=torch.float32),))
    assert loaded.observer.witness([]).forward_dtypes == ("bfloat16", "float32")


def test_a_run_without_cache_shows_as_prompts_that_nobody_sent(
    monkeypatch: pytest.MonkeyPatch, generator: generate.Generator, loaded: LoadedModel
) -> None:
    model: Any = loaded.served.model
    whole = model.generate
    monkeypatch.setattr(model, "generate", lambda *a, **k: whole(*a, **{**k, "use_cache": False}))
    with pytest.raises(RuntimeError, match="5 prompts entered the model, but 1 sequences were returned"):
        run(generator, ASKED)


def test_a_seed_fixes_what_is_sampled(generator: generate.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[generate.Run] = []
    call = generate.call

    def kept(*args: Any) -> generate.Run:
        runs.append(call(*args))
        return runs[-1]

    monkeypatch.setattr(generate, "call", kept)
    for seed in (1, 1, 2):
        generator.run(Request(workload=ASKED, round=1, seed=seed))
    assert runs[0].sequences == runs[1].sequences != runs[2].sequences


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (Training(), "runs generation, not training"),
        (asked(model="llama-70b"), "no model 'llama-70b'; choose from llama-30m, llama-88m, llama-7b, llama-13b"),
        (asked(model="llama-7b"), "llama-7b is served only on GPUs"),
        (asked(precision="fp16"), "no precision 'fp16'"),
        (asked(engine="deepspeed"), "no engine 'deepspeed'"),
        (asked(tensor_parallel_degree=2), "needs as many devices"),
        (asked(api=None), "api is open"),
        (asked(input_tokens=None), "input_tokens is open"),
        (asked(new_tokens=None), "new_tokens is open"),
        (asked(input_tokens=2000, new_tokens=49), "exceed the model's 2048 positions"),
        (asked(prompts=4), "no list of prompts"),
        (asked(prompts=4, batch_size=2), "no list of prompts"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(
    generator: generate.Generator, workload: Workload, reason: str
) -> None:
    outcome = answer(generator.run, Request(workload=workload, round=1, seed=1).model_dump_json()).outcome
    assert outcome.kind == "failed"
    assert str(outcome.signature).startswith("UnsupportedWorkload: ")
    assert reason in str(outcome.signature)


@pytest.mark.parametrize(
    ("ids", "end", "count"),
    [
        ([], 2, 0),
        ([7, 8, 9], 2, 3),
        ([7, 0, 9], 2, 3),  # a sampled padding token is a token
        ([7, 2, 0, 0], 2, 2),
        ([2, 2], 2, 1),
        ([7, 3, 0], [2, 3], 2),
        ([7, 2], None, 2),
    ],
)
def test_new_tokens_are_counted_up_to_the_first_end(ids: list[int], end: int | list[int] | None, count: int) -> None:
    assert count_new(ids, end) == count


def test_the_same_seed_builds_the_same_model_and_leaves_the_random_state_alone(
    generator: generate.Generator,
) -> None:
    import torch

    tokenizer = build_tokenizer()
    state = torch.random.get_rng_state()
    first, same, other = (llama.build_llama(MODEL, tokenizer, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not first.training
    assert torch.equal(first.lm_head.weight, same.lm_head.weight)
    assert not torch.equal(first.lm_head.weight, other.lm_head.weight)


@pytest.mark.parametrize(("name", "precision"), [("llama-70b", "fp32"), ("llama-30m", "int8")])
def test_an_unknown_model_or_precision_is_named(name: str, precision: str) -> None:
    with pytest.raises(ValueError, match="choose from"):
        llama.build_llama(name, build_tokenizer(), precision)


PROGRAM = """
from llm_claims.workloads.generation import program
program._WARM_UPS = program._WARM_UPS[:1]
raise SystemExit(program.main())
"""


def test_the_program_as_its_callers_run_it(fork: Forker) -> None:
    program, batched = fork(PROGRAM), asked(model="llama-30m", api="pipeline", prompts=2, batch_size=2)
    ready = program.ready()
    assert set(ready.software) == {"python", "torch", "transformers", "numpy"}
    assert ready.spent is not None
    assert ready.spent.compiling_seconds > 0
    said = program.ask(batched)
    assert said.spent is not None
    assert said.spent.measuring_seconds > said.metrics["latency_seconds"] > said.spent.setup_seconds
    seen = witness_of(said)
    assert differences(batched, seen) == []
    assert seen.parameters is not None
    assert 29e6 < seen.parameters < 31e6
    assert program.ask(asked(model="llama-7b")).outcome.kind == "failed"
    assert program.ask(batched).outcome.kind == "completed"
