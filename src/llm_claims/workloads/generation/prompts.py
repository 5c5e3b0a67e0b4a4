"""Prompts of an exact number of tokens: our own text, and a tokenizer built from its words.

The stand-in model has random weights, so the meaning of the text does not matter. What matters is that a prompt
of 750 tokens has exactly 750, and that nothing is downloaded.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from llm_claims.workloads.llm.shapes import SHAPES

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY_SIZE: int = SHAPES["llama-30m"]["vocab_size"]
MAX_TOKENS: int = SHAPES["llama-30m"]["max_position_embeddings"]
SPECIAL_TOKENS = {"pad_token": "<pad>", "bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>"}

# Words between the starts of two successive prompts. It is coprime to the length of the text, so that no prompts
# of a list are equal until the list is longer than the text.
_STRIDE = 37

TEXT = """
The harbour town of Merrow wakes before the sun does. Long before the first light touches the
breakwater, lamps move along the quay, and the smell of tar and warm bread drifts up the narrow
streets. The fishing boats leave in a line, each one calling its name to the keeper of the light,
who writes it down in a heavy green book. Nobody remembers who began this custom, but no boat has
ever left without being counted, and on the evening of every day the keeper counts them home again.

By noon the market fills the square beside the old customs house. There are baskets of mussels,
ropes of onions, coils of new line, and a woman who mends clocks at a table under the arcade. Most
of her clocks come from ships. They have lost or gained an hour somewhere on the far side of the
world, and she listens to each of them for a while, patiently, before she reaches for a tool. Her
daughter keeps the accounts and argues with the gulls.

In winter the storms come from the north, and the town grows quiet. Shutters are closed, nets are
carried indoors, and the children learn to splice and to read the weather from the colour of the
water. When the wind drops at last, people walk down to the harbour together to see what has
changed. Something always has: a beam thrown onto the sand, a wall that leans a little more, a
strange boat resting at anchor with its sails folded, waiting to be asked where it came from.
"""


@lru_cache(maxsize=1)
def _words() -> tuple[str, ...]:
    return tuple(TEXT.split())


def prompt_text(tokens: int, offset: int = 0) -> str:
    """Return a text of exactly ``tokens`` tokens of `tokenizer`, starting at word ``offset`` of `TEXT`.

    At the end of `TEXT` it continues from the beginning. One word with its punctuation is one token.

    Raises
    ------
    ValueError
        ``tokens`` is less than one.
    """
    if tokens < 1:
        raise ValueError(f"a prompt has at least one token, not {tokens}")
    words = _words()
    return " ".join(words[(offset + place) % len(words)] for place in range(tokens))


def prompt_texts(prompts: int, tokens: int) -> list[str]:
    """Return ``prompts`` texts of ``tokens`` tokens each, starting at different words.

    All have the same length, so that batches need no padding.
    """
    return [prompt_text(tokens, offset=number * _STRIDE) for number in range(prompts)]


def _vocabulary() -> dict[str, int]:
    """Return the id of each of `VOCABULARY_SIZE` tokens: special tokens, words of the text, filler words."""
    known = dict.fromkeys((*SPECIAL_TOKENS.values(), *_words()))
    fillers = (f"filler{number}" for number in range(VOCABULARY_SIZE - len(known)))
    return {word: number for number, word in enumerate((*known, *fillers))}


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the word-level tokenizer of the stand-in models; it adds no special tokens to a prompt.

    It pads on the left, as decoder-only models need.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(WordLevel(_vocabulary(), unk_token=SPECIAL_TOKENS["unk_token"]))
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=words,
        model_max_length=MAX_TOKENS,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        # Llama's forward knows no token_type_ids, which this class returns unless told not to.
        model_input_names=["input_ids", "attention_mask"],
        **SPECIAL_TOKENS,
    )
