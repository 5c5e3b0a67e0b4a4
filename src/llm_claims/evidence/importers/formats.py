"""The formats that can be imported, and which of them a file has."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from llm_claims.errors import RecordingError, UsageError
from llm_claims.evidence.importers import hf_trainer, optimum_benchmark, pytest_benchmark, trainer_state, vllm_serve
from llm_claims.evidence.importers.run import Format, Run
from llm_claims.evidence.importers.text import first_line_with

_MODULES = (hf_trainer, trainer_state, vllm_serve, optimum_benchmark, pytest_benchmark)
FORMATS: dict[str, Format] = {module.FORMAT.name: module.FORMAT for module in _MODULES}
AUTO, OURS = "auto", "llm-claims"
NAMES = (AUTO, *FORMATS, OURS)
SIGNS_OF_OURS = (b'"evidence"',)


def format_name(path: Path) -> str:
    """Return the name of the format that a file has, by its content.

    Raises
    ------
    RecordingError
        It has none that is known, or several; the text names the lines.
    """
    signs = {one.name: one.signs for one in FORMATS.values()} | {OURS: SIGNS_OF_OURS}
    found = {name: line for name, words in signs.items() if (line := first_line_with(path, words)) is not None}
    if not found:
        raise RecordingError(f"{path}: no run in any format that is known; known are {', '.join(signs)}")
    if len(found) > 1:
        seen = ", ".join(f"{name} in line {line}" for name, line in found.items())
        raise RecordingError(f"{path}: two formats in one file ({seen}): name one with --format, or take it apart")
    return next(iter(found))


def checked_name(name: str) -> str:
    """Return the name of a format.

    Raises
    ------
    UsageError
        There is no such format; the text proposes the nearest.
    """
    if name in NAMES:
        return name
    near = get_close_matches(name, NAMES, n=1)
    raise UsageError(
        f"--format {name}: no such format"
        + (f": did you mean {near[0]}?" if near else f"; known are {', '.join(NAMES)}")
    )


def read_runs(paths: Iterable[Path], name: str) -> list[Run]:
    """Read the runs of files in the format ``name``, or, with "auto", each in the format that it has.

    Raises
    ------
    RecordingError
        A file cannot be read, or has no run.
    """
    found: list[Run] = []
    for path in paths:
        named = format_name(path) if name == AUTO else name
        if named == OURS:
            raise RecordingError(f"{path}: a recording of llm-claims is imported alone, and as it is")
        runs = FORMATS[named].read(path)
        if not runs:
            raise RecordingError(f"{path}: no run of {named} in it")
        for number, run in enumerate(runs if len(runs) > 1 else (), start=1):
            run.number = number
        found += runs
    return found
