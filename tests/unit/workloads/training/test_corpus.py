"""The text that runs learn from: the same for the same seed, and its added tokens are tokens."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import pytest

from llm_claims.workloads.training import corpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

COUNT = 300


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return corpus.build_tokenizer()


@pytest.fixture(scope="module")
def extended() -> PreTrainedTokenizerFast:
    tokenizer = corpus.build_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": list(corpus.NEW_TOKENS)})
    return tokenizer


@pytest.mark.parametrize("texts", [corpus.statements, corpus.records])
def test_a_seed_gives_the_same_text_and_another_seed_another(texts: type[corpus.records]) -> None:
    first, again, other = (list(islice(texts(seed), COUNT)) for seed in (1, 1, 2))
    assert first == again
    assert first != other
    assert len(set(first)) > 0.9 * COUNT


def test_a_record_is_a_question_and_its_answer() -> None:
    for record in islice(corpus.records(1), COUNT):
        assert record.count(corpus.SEPARATOR) == record.count(corpus.STOP) == 1
        question, answer = record.removesuffix(corpus.STOP).split(corpus.SEPARATOR)
        assert question.strip().endswith("?")
        assert answer.strip().endswith(".")


def test_statements_have_none_of_the_new_tokens() -> None:
    assert not any(token in text for text in islice(corpus.statements(1), COUNT) for token in corpus.NEW_TOKENS)


def test_the_tokenizer_is_the_same_each_time(
    tokenizer: PreTrainedTokenizerFast, extended: PreTrainedTokenizerFast
) -> None:
    vocabulary = tokenizer.get_vocab()
    assert 250 < len(vocabulary) <= corpus.VOCABULARY_SIZE
    new = {token: len(vocabulary) + place for place, token in enumerate(corpus.NEW_TOKENS)}
    assert extended.get_vocab() == {**vocabulary, **new}


def test_new_tokens_are_single_tokens(extended: PreTrainedTokenizerFast) -> None:
    record = next(corpus.records(1))
    ids = extended.encode(record, add_special_tokens=False)
    separator, stop = extended.convert_tokens_to_ids(list(corpus.NEW_TOKENS))
    assert ids.count(separator) == ids.count(stop) == 1
    assert ids[-1] == stop
    assert extended.unk_token_id not in ids


def test_before_they_are_added_they_are_many(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer.encode(corpus.STOP, add_special_tokens=False)) > 1


@pytest.mark.parametrize("texts", [corpus.statements, corpus.records])
def test_no_letter_is_unknown(extended: PreTrainedTokenizerFast, texts: type[corpus.records]) -> None:
    ids = extended(list(islice(texts(3), COUNT)), add_special_tokens=False)["input_ids"]
    assert not any(extended.unk_token_id in one for one in ids)


def test_blocks_are_the_text_without_gap_or_padding(extended: PreTrainedTokenizerFast) -> None:
    blocks = corpus.token_blocks(corpus.records(1), extended, blocks=23, context_tokens=32)
    assert {len(block) for block in blocks} == {32}
    assert len(blocks) == 23
    flat = [token for block in blocks for token in block]
    whole = [t for text in islice(corpus.records(1), COUNT) for t in extended.encode(text, add_special_tokens=False)]
    assert flat == whole[: len(flat)]


def test_all_blocks_differ(extended: PreTrainedTokenizerFast) -> None:
    blocks = corpus.token_blocks(corpus.records(1), extended, blocks=400, context_tokens=3)
    assert len({tuple(block) for block in blocks}) == len(blocks) == 400


def test_more_blocks_than_there_can_be_are_refused(extended: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match=r"cannot make 400 different samples of 1 tokens: only \d+ of 8001 differ"):
        corpus.token_blocks(corpus.records(1), extended, blocks=400, context_tokens=1)
