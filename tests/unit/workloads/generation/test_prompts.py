"""Prompts have exactly the tokens they are asked to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from llm_claims.workloads.generation.prompts import (
    MAX_TOKENS,
    SPECIAL_TOKENS,
    TEXT,
    VOCABULARY_SIZE,
    build_tokenizer,
    prompt_text,
    prompt_texts,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return build_tokenizer()


@pytest.mark.parametrize("offset", [0, 37])
@pytest.mark.parametrize("tokens", [1, 10, 750, MAX_TOKENS])
def test_a_prompt_of_n_tokens_survives_the_way_to_tokens_and_back(
    tokenizer: PreTrainedTokenizerFast, tokens: int, offset: int
) -> None:
    text = prompt_text(tokens, offset)
    ids = tokenizer(text)["input_ids"]
    assert len(ids) == tokens
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids) == text


def test_the_vocabulary_is_full_and_every_special_token_has_its_own_place(tokenizer: PreTrainedTokenizerFast) -> None:
    special = {getattr(tokenizer, f"{role}_id") for role in SPECIAL_TOKENS}
    assert len(tokenizer) == VOCABULARY_SIZE
    assert len(special) == len(SPECIAL_TOKENS)
    assert None not in special


def test_the_tokenizer_gives_the_model_only_what_its_forward_takes(tokenizer: PreTrainedTokenizerFast) -> None:
    assert set(tokenizer(prompt_text(3))) == {"input_ids", "attention_mask"}


def test_words_outside_the_text_are_unknown_and_do_not_fail(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer("zeppelin")["input_ids"] == [tokenizer.unk_token_id]


def test_prompts_of_a_list_differ_and_have_one_length() -> None:
    texts = prompt_texts(64, 10)
    assert len(set(texts)) == 64
    assert {len(text.split()) for text in texts} == {10}


def test_a_long_prompt_starts_the_text_over() -> None:
    length = len(TEXT.split())
    words = prompt_text(length + 2).split()
    assert words[length:] == words[:2]


@pytest.mark.parametrize("tokens", [0, -1])
def test_an_empty_prompt_is_refused(tokens: int) -> None:
    with pytest.raises(ValueError, match="at least one token"):
        prompt_text(tokens)
