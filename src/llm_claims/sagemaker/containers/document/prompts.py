"""A tokenizer of made-up words, and prompts with an exact number of tokens. Python 3.8 syntax."""

from __future__ import annotations

from typing import Any

_SPECIAL = ["<pad>", "<bos>", "<eos>", "<unk>"]
# Each prompt starts so many words after the one before: coprime to the vocabularies here, so that prompts differ.
_STRIDE = 37


def build_tokenizer(vocabulary: int) -> Any:
    """Return a tokenizer in which each word ``t4``, ``t5``, … is one token, and that adds no special tokens."""
    import transformers
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    words = _SPECIAL + [f"t{number}" for number in range(len(_SPECIAL), vocabulary)]
    inner = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    library: Any = transformers
    return library.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        unk_token="<unk>",
        padding_side="left",
    )


def prompts(count: int, tokens: int, vocabulary: int) -> list[str]:
    """Return ``count`` different texts of exactly ``tokens`` tokens each."""
    usable = vocabulary - len(_SPECIAL)
    return [
        " ".join(f"t{len(_SPECIAL) + (start * _STRIDE + place) % usable}" for place in range(tokens))
        for start in range(count)
    ]
