"""The base model: the same each time, and given new tokens as asked."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Literal

import pytest
from checkpoints import write_config
from warm import inside

from llm_claims.workloads.training import base_model
from llm_claims.workloads.training.corpus import NEW_TOKENS


@inside
def test_it_has_learned_its_language(base: Path) -> None:
    import torch

    from llm_claims.workloads.training.corpus import statements, token_blocks

    model, tokenizer = base_model.load_with_new_tokens(base, "random", 1)
    ids = torch.tensor(token_blocks(statements(99), tokenizer, 8, 64))
    with torch.no_grad():
        loss = model(input_ids=ids, labels=ids).loss.item()
    assert loss < 2.5, "one of 300 tokens by chance is 5.7 nats"


@inside
def test_it_is_the_same_on_every_call(tmp_path: Path) -> None:
    import torch

    base_model._PRETRAINING_STEPS = 3
    weights = []
    for name in ("first", "second"):
        torch.manual_seed(len(weights))
        folder = base_model.save_base_model("llama-tiny", tmp_path / name)
        weights.append((folder / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


def test_an_unknown_model_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no model 'llama-8b'; choose from llama-tiny"):
        base_model.save_base_model("llama-8b", tmp_path)


@pytest.mark.parametrize("init", ["random", "mean"])
@inside
def test_both_embeddings_grow_by_the_new_tokens(base: Path, init: Literal["random", "mean"]) -> None:
    import torch

    model, tokenizer = base_model.load_with_new_tokens(base, init, 1)
    old = len(tokenizer) - len(NEW_TOKENS)
    assert tokenizer.convert_tokens_to_ids(list(NEW_TOKENS)) == [old, old + 1]
    for rows in base_model.embeddings_of(model):
        assert len(rows) == model.config.vocab_size == old + 2
        assert torch.allclose(rows[old:], rows[:old].mean(dim=0).expand(2, -1)) == (init == "mean")


@inside
def test_the_seed_draws_the_new_rows_and_nothing_else(base: Path) -> None:
    import torch

    first, again, other = (base_model.load_with_new_tokens(base, "random", seed)[0] for seed in (1, 1, 2))
    states = [model.state_dict() for model in (first, again, other)]
    for name, weights in states[0].items():
        assert torch.equal(weights, states[1][name]), name
        old = slice(None, -len(NEW_TOKENS)) if len(weights) == first.config.vocab_size else slice(None)
        assert torch.equal(weights[old], states[2][name][old]), name
    drawn = [rows[-len(NEW_TOKENS) :] for model in (first, other) for rows in base_model.embeddings_of(model)]
    assert not any(torch.equal(one, two) for one, two in combinations(drawn, 2))


@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
@pytest.mark.parametrize("padding", [0, 1, 2, 64])
@inside
def test_rows_that_pad_a_vocabulary_are_dropped(tmp_path: Path, padding: int, tied: bool) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = base_model.build_tokenizer()
    write_config(tmp_path, vocab_size=len(tokenizer) + padding, tie_word_embeddings=tied)
    made = LlamaForCausalLM(LlamaConfig.from_pretrained(tmp_path))
    real = [rows[: len(tokenizer)].detach().clone() for rows in base_model.embeddings_of(made)]
    for rows in base_model.embeddings_of(made):
        rows.data[len(tokenizer) :] = 1e3  # would show in a mean
    made.save_pretrained(tmp_path / "own")
    tokenizer.save_pretrained(tmp_path / "own")
    (base := tmp_path / "base").mkdir()
    base_model._tokenizer_of(tmp_path / "own").save_pretrained(base)
    (base / base_model.CHECKPOINT).symlink_to(tmp_path / "own")
    model, grown = base_model.load_with_new_tokens(base, "mean", 1)
    assert grown.convert_tokens_to_ids(list(NEW_TOKENS)) == [len(tokenizer), len(tokenizer) + 1]
    for old, rows in zip(real, base_model.embeddings_of(model), strict=True):
        assert len(rows) == model.config.vocab_size == len(tokenizer) + 2
        assert torch.equal(rows[: len(old)], old)
        assert torch.allclose(rows[len(old) :], old.mean(dim=0).expand(2, -1))
