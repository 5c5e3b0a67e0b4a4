"""Training from a checkpoint: what fills its fields, what its witness shows, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from checkpoints import PARAMETERS, shapes, write_checkpoint
from fake_gpus import FakeGpus, place
from warm import PROGRAM, Fork, Warm, training

from llm_claims.errors import Untestable, UsageError, WitnessError
from llm_claims.sources.growth import grown
from llm_claims.workloads.hardware import Processor
from llm_claims.workloads.llm.checkpoint import SMOLLM2, read_checkpoint
from llm_claims.workloads.llm.smollm2 import checkpoints_here
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.training.corpus import build_tokenizer
from llm_claims.workloads.training.defaults import TrainingDefaults, gpu_defaults
from llm_claims.workloads.training.workload import Training

SHORT: dict[str, Any] = {"model": "own", "samples": 24, "learning_rate": 1e-3, "warmup_steps": 1}
BOTH_EMBEDDINGS = 2 * (300 + 2) * 32
NEW_AND_UNTIED = BOTH_EMBEDDINGS - 300 * 32


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with a tokenizer."""
    folder = write_checkpoint(tmp_path_factory.mktemp("weights") / "own", shapes())
    tokenizer: Any = build_tokenizer()
    tokenizer.add_tokens([f"extra{n}" for n in range(300 - len(tokenizer))])
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def program(warm: Warm, folder: Path) -> Iterator[Fork]:
    """The training program, told of the checkpoint; its text is short."""
    told = f"import sys\nsys.argv = ['program', '--weights', 'own={folder}']\n"
    short = "from llm_claims.workloads.training import real_text\nreal_text.POOL_TOKENS['cpu'] = 20_000\n"
    program = warm.fork(told + short + PROGRAM)
    program.ready()
    yield program
    program.hang_up()


def asked(folder: Path, **fields: Any) -> Training:
    """A run from the checkpoint."""
    return training(**SHORT, weights=read_checkpoint("own", folder).digest, **fields)


@pytest.mark.parametrize("fields", [{}, {"zero_stage": 3, "precision": "bf16"}], ids=["fp32", "zero3-bf16"])
def test_a_run_starts_from_the_weights_and_says_which(program: Fork, folder: Path, fields: dict[str, Any]) -> None:
    workload = asked(folder, **fields)
    answer = program.ask(workload)
    assert answer.outcome.kind == "completed", answer.outcome.signature
    seen: Any = answer.witness
    assert (seen.model, seen.weights, seen.initial_weights) == ("own", workload.weights, "pretrained")
    assert seen.parameters == PARAMETERS + NEW_AND_UNTIED
    assert len(seen.text) == 16


def test_low_precision_shows_what_each_step_changes_of_the_weights(program: Fork, folder: Path) -> None:
    first, *later = program.ask(asked(folder, precision="bf16")).metrics["changed_weights"]  # type: ignore[misc]
    assert first == 0  # the warm-up begins at a rate of zero
    assert all(0 < share < 1 for share in later)
    assert "changed_weights" not in program.ask(asked(folder)).metrics


def test_the_seed_draws_the_samples(program: Fork, folder: Path) -> None:
    losses = [program.ask(asked(folder), seed).metrics["step_losses"] for seed in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]


def test_a_changed_byte_is_refused(warm: Warm, tmp_path: Path, folder: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    program = warm.fork(f"import sys\nsys.argv = ['program', '--weights', 'own={copy}']\n{PROGRAM}")
    ready, workload = program.ready(), asked(copy)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    answer = program.ask(workload)
    request = Request(workload=workload, round=1, seed=7)
    with pytest.raises(WitnessError, match=f"weights: asked '{workload.weights}', the run saw "):
        grown(None, request, answer, ready, device="cpu", command="it", commit=None)
    program.hang_up()


def test_a_model_may_be_named_as_on_a_hub(warm: Warm, folder: Path) -> None:
    short = "from llm_claims.workloads.training import real_text\nreal_text.POOL_TOKENS['cpu'] = 20_000\n"
    program = warm.fork(f"import sys\nsys.argv = ['program', '--weights', 'an-owner/v1.0={folder}']\n{short}{PROGRAM}")
    program.ready()
    answer = program.ask(asked(folder).model_copy(update={"model": "an-owner/v1.0"}))
    assert answer.outcome.kind == "completed", answer.outcome.signature
    assert answer.witness.model == "an-owner/v1.0"  # type: ignore[union-attr]
    program.hang_up()


@pytest.fixture
def copy(tmp_path: Path, folder: Path) -> Path:
    """A copy of the checkpoint, to be spoiled."""
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def _none(copy: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()


def _of_code(copy: Path) -> None:
    (copy / "theirs.py").write_text(
        f"from pathlib import Path\nPath({str(copy / 'ran')!r}).touch()\nclass Theirs: pass\n"
    )
    said = {"auto_map": {"AutoTokenizer": ["theirs.Theirs", "theirs.Theirs"]}, "tokenizer_class": "Theirs"}
    (copy / "tokenizer_config.json").write_text(json.dumps(said))


def _of_known_tokens(copy: Path) -> None:
    tokenizer: Any = build_tokenizer()
    tokenizer.add_tokens(["[SEP]", *(f"extra{n}" for n in range(300 - 1 - len(tokenizer)))])
    tokenizer.save_pretrained(copy)


def _of_more_tokens(copy: Path) -> None:
    tokenizer: Any = build_tokenizer()
    tokenizer.add_tokens([f"extra{n}" for n in range(301 - len(tokenizer))])
    tokenizer.save_pretrained(copy)


def _with_holes(copy: Path) -> None:
    build_tokenizer().save_pretrained(copy)
    said = json.loads((copy / "tokenizer.json").read_text())
    last = max(said["model"]["vocab"], key=said["model"]["vocab"].get)
    said["model"]["vocab"][last] += 5
    (copy / "tokenizer.json").write_text(json.dumps(said))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_none, "its tokenizer cannot be read: "),
        (lambda copy: (copy / "tokenizer.json").write_text("{}"), "its tokenizer cannot be read: "),
        (_of_more_tokens, "its tokenizer has 301 tokens, more than the 300 rows of its embedding"),
        (_with_holes, "its tokenizer leaves numbers of tokens out"),
        (_of_known_tokens, "its tokenizer has [SEP], which runs add as new tokens"),
        (_of_code, "its tokenizer cannot be read: "),
    ],
    ids=["none", "damaged", "more", "holes", "known", "code"],
)
def test_a_tokenizer_that_cannot_be_used_is_no_failed_run(
    warm: Warm, copy: Path, spoil: Callable[[Path], object], words: str
) -> None:
    spoil(copy)
    program = warm.fork(f"import sys\nsys.argv = ['program', '--weights', 'own={copy}']\n{PROGRAM}")
    program.ready()
    said = str(program.ask(asked(copy)).unsupported)
    assert said.startswith(f"{copy}: ")
    assert words in said
    assert not (copy / "ran").exists()
    assert "Do you wish to run the custom code?" not in program.errors
    program.hang_up()


def test_more_samples_than_there_is_text_for_are_not_measured(program: Fork, folder: Path) -> None:
    assert "are more than the" in str(program.ask(asked(folder).model_copy(update={"samples": 500_000})).unsupported)


def test_a_checkpoint_that_was_not_given_is_not_measured(program: Fork, folder: Path) -> None:
    elsewhere = asked(folder).model_copy(update={"model": "other"})
    assert program.ask(elsewhere).unsupported == "no checkpoint of other was given: --weights other=FOLDER"


def test_pretrained_runs_of_its_model_start_from_it_and_no_others(folder: Path) -> None:
    here, digest = Processor({"own": folder}), read_checkpoint("own", folder).digest
    own = Training(model="own", initial_weights="pretrained")
    assert place(own, here).workload.stated()["weights"] == digest
    assert "weights" not in place(Training(initial_weights="pretrained"), here).workload.stated()
    with pytest.raises(Untestable, match=r"no model 'own'; choose from .*, or give a checkpoint: --weights"):
        place(own, Processor())


def test_a_real_model_that_is_not_here_says_how_to_make_it() -> None:
    with pytest.raises(Untestable, match=f"{SMOLLM2} is not on this machine: make weights"):
        place(Training(model=SMOLLM2, initial_weights="pretrained"), Processor())


@pytest.mark.parametrize(("devices", "accumulation"), [(1, 2), (2, 1), (4, 1), (8, 1)])
def test_on_gpus_losses_are_those_of_the_real_model_by_the_documents_recipe(devices: int, accumulation: int) -> None:
    tuned = Training(initial_weights="pretrained", zero_stage=0 if devices == 1 else 1)
    found = tuned.filled(gpu_defaults(devices, {SMOLLM2: "0123456789abcdef"}).fields_for(tuned))
    assert (found.model, found.weights, found.learning_rate) == (SMOLLM2, "0123456789abcdef", 1e-5)
    assert (found.gradient_accumulation, found.warmup_steps) == (accumulation, 100)
    assert (found.ranks or 0) * (found.micro_batch or 0) * (found.gradient_accumulation or 0) == 64
    assert found.samples == 147 * 64
    without = tuned.filled(gpu_defaults(devices).fields_for(tuned))
    assert (without.model, without.weights) == ("llama-85m", None)


@pytest.mark.parametrize(
    ("memory_gb", "micro_batch"), [(1, 1), (17.2, 4), (25.8, 8), (42.9, 16), (85.5, 32), (150.8, 32)]
)
def test_its_micro_batch_is_the_largest_that_one_gpu_holds(memory_gb: float, micro_batch: int) -> None:
    tuned = Training(initial_weights="pretrained", zero_stage=0)
    found = tuned.filled(gpu_defaults(1, {SMOLLM2: "0123456789abcdef"}, memory_gb * 1e9).fields_for(tuned))
    assert (found.micro_batch, (found.gradient_accumulation or 0) * micro_batch) == (micro_batch, 64)


@pytest.mark.parametrize(("devices", "batch"), [(3, 63), (5, 65), (6, 66), (7, 63), (64, 64), (100, 100)])
def test_gpus_that_do_not_divide_its_batch_take_as_many_steps(devices: int, batch: int) -> None:
    tuned = Training(initial_weights="pretrained", zero_stage=1)
    found = tuned.filled(gpu_defaults(devices, {SMOLLM2: "0123456789abcdef"}).fields_for(tuned))
    assert (found.ranks or 0) * (found.micro_batch or 0) * (found.gradient_accumulation or 0) == batch
    assert found.samples == 147 * batch


@pytest.mark.parametrize(
    ("stated", "shape"),
    [
        ({"ranks": 1}, (1, 32, 2, 64)),
        ({"parallelism": "ddp"}, (1, 32, 2, 64)),
        ({"ranks": 2}, (2, 32, 1, 64)),
        ({"ranks": 3}, (3, 21, 1, 63)),
        ({"micro_batch": 4}, (8, 4, 2, 64)),
        ({"gradient_accumulation": 4}, (8, 2, 4, 64)),
        ({"micro_batch": 16, "gradient_accumulation": 2}, (8, 16, 2, 256)),
    ],
)
@pytest.mark.parametrize("model", [None, SMOLLM2])
def test_its_batch_and_steps_are_the_same_on_fewer_ranks(
    model: str | None, stated: dict[str, Any], shape: tuple[int, ...]
) -> None:
    tuned = Training(model=model, initial_weights="pretrained", **stated)
    found = tuned.filled(gpu_defaults(8, {SMOLLM2: "0123456789abcdef"}).fields_for(tuned))
    ranks, micro_batch, accumulation, batch = shape
    assert (found.ranks, found.micro_batch, found.gradient_accumulation) == (ranks, micro_batch, accumulation)
    assert found.samples == 147 * batch


@pytest.mark.parametrize("real", [{}, {SMOLLM2: "0123456789abcdef"}], ids=["alone", "beside the small one"])
def test_what_fills_a_run_goes_by_its_own_weights(real: dict[str, str]) -> None:
    defaults = gpu_defaults(2, {"my-1b": "fedcba9876543210", **real})
    own, taught = (Training(model=model, initial_weights="pretrained") for model in ("my-1b", "llama-85m"))
    found = own.filled(defaults.fields_for(own))
    assert (found.weights, found.context_tokens, found.learning_rate) == ("fedcba9876543210", 1536, 1e-5)
    assert (found.micro_batch, found.gradient_accumulation, found.gradient_checkpointing) == (1, 32, True)
    assert found.samples == 147 * 64
    assert taught.filled(defaults.fields_for(taught)) == taught.filled(gpu_defaults(2).fields_for(taught))


def test_an_old_recording_fills_as_it_did() -> None:
    small = {"model": SMOLLM2, "micro_batch": 32, "gradient_accumulation": 1, "context_tokens": 1536}
    old = TrainingDefaults(
        fields=Training(ranks=2),
        pretrained=Training(**small),
        large=Training(micro_batch=1, samples=9408),
        weights={SMOLLM2: "0123456789abcdef", "my-1b": "fedcba9876543210"},
        samples_a_rank={"pretrained": 4704},
    )
    for model in (SMOLLM2, "my-1b"):
        tuned = Training(model=model, initial_weights="pretrained", zero_stage=1)
        found = tuned.filled(old.fields_for(tuned))
        assert found.stated().items() >= {**small, "model": model, "samples": 9408}.items()


@pytest.fixture
def damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A real model in the cache, of which nothing is left but half of its config.json."""
    monkeypatch.setenv("LLM_CLAIMS_CACHE", str(tmp_path))
    folder = tmp_path / SMOLLM2
    folder.mkdir()
    (folder / "config.json").write_text("{")
    return folder


def gpus(count: int, weights: Mapping[str, Path]) -> FakeGpus:
    """GPUs of a machine with checkpoints."""
    hardware = FakeGpus(count)
    hardware.weights = weights
    return hardware


@pytest.mark.parametrize("model", [None, SMOLLM2], ids=["open", "stated"])
def test_a_damaged_real_model_is_an_error_of_what_starts_from_it(damaged: Path, model: str | None) -> None:
    workload = Training(model=model, initial_weights="pretrained", ranks=1)
    words = f"{damaged}/config.json: is not JSON with an object; remove {damaged}, and make it again (make weights, "
    with pytest.raises(UsageError, match=re.escape(words)):
        place(workload, gpus(2, checkpoints_here({})))


@pytest.mark.usefixtures("damaged")
def test_a_damaged_real_model_is_nothing_to_what_starts_from_others(folder: Path) -> None:
    given = {"own": folder}
    here, own = checkpoints_here(given), Training(model="own", initial_weights="pretrained")
    assert list(here) == [SMOLLM2, "own"]
    for workload in (Training(), Training(model="llama-85m", initial_weights="pretrained", ranks=1)):
        assert place(workload, gpus(2, here)) == place(workload, gpus(2, given))
    for workload in (Training(), own):
        assert place(workload, Processor(here)) == place(workload, Processor(given))


@pytest.mark.usefixtures("damaged")
def test_a_recording_keeps_no_fault_of_a_damaged_real_model() -> None:
    found: Any = Training.defaults_on(gpus(2, checkpoints_here({})))
    kept = TrainingDefaults.model_validate_json(found.model_dump_json(exclude_none=True))
    tuned = Training(initial_weights="pretrained", ranks=1)
    assert (tuned.filled(kept.fields_for(tuned)).model, kept.weights) == (SMOLLM2, {})


def test_a_checkpoint_that_is_damaged_since_is_a_failed_run(program: Fork, folder: Path) -> None:
    workload, config = asked(folder), folder / "config.json"
    before = config.read_text()
    config.write_text("{")
    try:
        answer = program.ask(workload)
    finally:
        config.write_text(before)
    assert answer.unsupported is None
    assert f"{config}: is not JSON with an object" in str(answer.outcome.signature)


def test_a_checkpoint_is_trained_at_the_documents_rate_on_the_processor(folder: Path) -> None:
    own = Training(model="own", initial_weights="pretrained")
    assert place(own, Processor({"own": folder})).workload.stated()["learning_rate"] == 1e-5
    taught = Training(initial_weights="pretrained")
    assert place(taught, Processor({"own": folder})).workload.stated()["learning_rate"] == 1e-2


@pytest.mark.parametrize("weights", [{}, {SMOLLM2: "0123456789abcdef"}], ids=["alone", "beside the small one"])
def test_a_checkpoint_of_the_documents_scale_has_the_recipe_in_the_memory_that_its_speed_is_measured_in(
    weights: dict[str, str],
) -> None:
    defaults = gpu_defaults(2, {"llama-7b": "fedcba9876543210", **weights})
    tuned = Training(model="llama-7b", initial_weights="pretrained", zero_stage=1)
    timed = Training(model="llama-7b", zero_stage=1)
    found, fast = (one.filled(defaults.fields_for(one)) for one in (tuned, timed))
    assert (found.weights, fast.weights) == ("fedcba9876543210", None)
    assert (found.samples, found.gradient_accumulation, found.warmup_steps) == (147 * 64, 32, 100)
    for name in ("context_tokens", "micro_batch", "gradient_checkpointing", "learning_rate"):
        assert getattr(found, name) == getattr(fast, name)


def test_a_checkpoint_of_the_documents_own_model_is_no_stand_in() -> None:
    real = {"initial_weights": "pretrained", "weights": "0123456789abcdef"}
    assert not Training(model="llama-7b", **real).starts_from_a_stand_in
    assert Training(model=SMOLLM2, **real).starts_from_a_stand_in


def test_the_documents_model_asks_for_a_checkpoint() -> None:
    large = Training(model="llama-7b", initial_weights="pretrained", zero_stage=1)
    with pytest.raises(Untestable, match="llama-7b has no pretrained weights here; a checkpoint has: --weights"):
        place(large, FakeGpus(2))
