"""Text that real weights are trained on: the Python sources of installed packages, which every machine has.

A record is the first line of a block of code, and the rest of it, with a separator between them and an end token that
the base model has never seen: as question and answer in records for fine-tuning.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm_claims.workloads.llm.shapes import SEED
from llm_claims.workloads.program import UnsupportedWorkload
from llm_claims.workloads.training.corpus import NEW_TOKENS, SEPARATOR, STOP

if TYPE_CHECKING:
    import numpy as np

PACKAGES = ("torch", "transformers")
POOL_TOKENS = {"cpu": 400_000, "cuda": 16_000_000}
"""At least as many as the longest run needs, by device: the document's recipe has 147 steps of 64 samples of 1,536."""
_BATCH = 256
_TOKENS = "tokens.npy"


def records() -> Iterator[tuple[str, str]]:
    """Yield question and answer of each block of the packages' sources, in an order that is the same every time."""
    paths = [path for name in PACKAGES for path in _sources(name)]
    random.Random(SEED).shuffle(paths)
    for path in paths:
        # Blocks at the top level are parted by two empty lines (PEP 8).
        for block in re.split(r"\n{3,}", path.read_text(encoding="utf-8", errors="replace")):
            first, _, rest = block.strip("\n").partition("\n")
            if rest.strip():
                yield first, rest


def _sources(package: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise UnsupportedWorkload(f"samples are drawn from the sources of {package}, which is not installed")
    return sorted(Path(spec.origin).parent.rglob("*.py"))


def write_pool(tokenizer: Any, folder: Path, device: str) -> None:
    """Write the tokens of as many records as a run on ``device`` may need, one after the other, as int32, shape (n,).

    ``tokenizer`` has the new tokens already.
    """
    import numpy as np

    ids = [tokenizer.convert_tokens_to_ids(token) for token in NEW_TOKENS]
    separator, stop = ids[NEW_TOKENS.index(SEPARATOR)], ids[NEW_TOKENS.index(STOP)]
    found: list[int] = []
    batch: list[str] = []
    for pair in records():
        batch.extend(pair)
        if len(batch) < 2 * _BATCH:
            continue
        pieces = tokenizer(batch, add_special_tokens=False).input_ids
        for question, answer in zip(pieces[::2], pieces[1::2], strict=True):
            found += [*question, separator, *answer, stop]
        batch.clear()
        if len(found) >= POOL_TOKENS[device]:
            break
    np.save(folder / _TOKENS, np.array(found, dtype=np.int32))


def digest(folder: Path) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the tokens in a folder."""
    return hashlib.sha256((folder / _TOKENS).read_bytes()).hexdigest()[:16]


def check(folder: Path, samples: int, context_tokens: int) -> None:
    """Check that a folder's tokens are enough for so many samples that all differ.

    Raises
    ------
    UnsupportedWorkload
        They are not.
    """
    import numpy as np

    pool = np.load(folder / _TOKENS, mmap_mode="r")
    whole = len(pool) // context_tokens * context_tokens
    there = len({block.tobytes() for block in pool[:whole].reshape(-1, context_tokens)})
    if samples > there:
        raise UnsupportedWorkload(
            f"{samples} samples of {context_tokens} tokens are more than the {there} different ones that are taken of "
            f"the sources of {' and '.join(PACKAGES)}"
        )


def blocks(folder: Path, seed: int, samples: int, context_tokens: int) -> list[np.ndarray]:
    """Return samples of equal length, shape (samples, context_tokens), that ``seed`` draws without repetition.

    All differ, so that an observer can count distinct samples by their tokens.

    Raises
    ------
    ValueError
        Too many are equal to find so many that differ.
    """
    import numpy as np

    pool = np.load(folder / _TOKENS, mmap_mode="r")
    found: dict[bytes, np.ndarray] = {}
    for at in np.random.default_rng(seed).permutation(len(pool) // context_tokens):
        block = np.array(pool[at * context_tokens : (at + 1) * context_tokens], dtype=np.int64)
        found.setdefault(block.tobytes(), block)
        if len(found) == samples:
            return list(found.values())
    raise ValueError(f"cannot draw {samples} different samples of {context_tokens} tokens: only {len(found)} differ")
