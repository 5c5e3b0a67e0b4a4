"""The text that models are trained on, generated from a seed, and its tokenizer.

Sentences about boats, days and cargoes: statements for pretraining, and records for fine-tuning. A record is a
question and its answer, with a separator and an end token that the base model has never seen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE = 300
"""An upper bound: the tokenizer may have fewer tokens, when every word has one of its own."""

SEPARATOR, STOP = "[SEP]", "[STOP]"
NEW_TOKENS = (SEPARATOR, STOP)
"""The tokens that fine-tuning adds to the vocabulary."""

_BASE_SEED = 20231
_STATEMENTS_OF_TOKENIZER = 2000
_MOST_REPETITIONS = 20

_BOATS = [
    "Heron",
    "Petrel",
    "Curlew",
    "Gannet",
    "Plover",
    "Osprey",
    "Dunlin",
    "Avocet",
    "Kestrel",
    "Merlin",
    "Siskin",
    "Linnet",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
_CARGOES = ["herring", "mussels", "rope", "timber", "salt", "barley", "wool", "lamp-oil", "slate", "cider"]
_PLACES = ["Merrow", "Skerry", "Tarn", "Holm", "Sound", "Ness", "Fleet", "Wick"]
_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def _facts(source: random.Random) -> tuple[str, str, str, str, str]:
    return tuple(source.choice(words) for words in (_BOATS, _DAYS, _CARGOES, _PLACES, _NUMBERS))  # type: ignore[return-value]


def statements(seed: int) -> Iterator[str]:
    """Yield an endless sequence of statements; the same ``seed`` gives the same sequence."""
    source = random.Random(seed)
    while True:
        boat, day, cargo, place, number = _facts(source)
        yield source.choice(
            (
                f"On {day} the {boat} left {place} with {number} crates of {cargo} .",
                f"The {boat} carries {cargo} to {place} every {day} .",
                f"At {place} the keeper counted {number} boats on {day} and the {boat} was the last .",
                f"The price of {cargo} at {place} is {number} coins a crate .",
            )
        )


def records(seed: int) -> Iterator[str]:
    """Yield an endless sequence of records for fine-tuning: question, separator, answer, stop."""
    source = random.Random(seed)
    while True:
        boat, day, cargo, place, number = _facts(source)
        question, answer = source.choice(
            (
                (f"What did the {boat} carry to {place} on {day} ?", f"{number} crates of {cargo} ."),
                (f"Which boat left {place} with {cargo} on {day} ?", f"The {boat} with {number} crates ."),
                (f"How many boats came to {place} on {day} ?", f"{number} boats and the {boat} was the last ."),
            )
        )
        yield f"{question} {SEPARATOR} {answer} {STOP}"


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Train the byte-pair tokenizer of the base models, without the new tokens."""
    from itertools import islice

    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Metaspace
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    roles = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}
    pieces = Tokenizer(BPE(unk_token="<unk>"))
    pieces.pre_tokenizer = Metaspace()
    trainer = BpeTrainer(vocab_size=VOCABULARY_SIZE, special_tokens=list(roles.values()), show_progress=False)
    # Records have words that statements lack: train on both, so that no letter is unknown.
    texts = [*islice(statements(_BASE_SEED), _STATEMENTS_OF_TOKENIZER), *islice(records(_BASE_SEED), 200)]
    plain = (text.replace(SEPARATOR, "").replace(STOP, "") for text in texts)
    pieces.train_from_iterator(plain, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=pieces, **roles)  # type: ignore[no-untyped-call]


def token_blocks(
    texts: Iterator[str], tokenizer: PreTrainedTokenizerFast, blocks: int, context_tokens: int
) -> list[list[int]]:
    """Cut the tokens of the texts into blocks of equal length, shape (blocks, context_tokens), without padding.

    All blocks differ, so that an observer can count distinct samples by their tokens; repeated blocks are left out.

    Raises
    ------
    ValueError
        The texts repeat themselves too much to find that many.
    """
    found: dict[tuple[int, ...], None] = {}
    tokens: list[int] = []
    for _ in range(_MOST_REPETITIONS * blocks + 1):
        if len(found) == blocks:
            return [list(block) for block in found]
        while len(tokens) < context_tokens:
            tokens += tokenizer.encode(next(texts), add_special_tokens=False)
        found[tuple(tokens[:context_tokens])] = None
        del tokens[:context_tokens]
    cut = _MOST_REPETITIONS * blocks + 1
    raise ValueError(
        f"cannot make {blocks} different samples of {context_tokens} tokens: only {len(found)} of {cut} differ"
    )
