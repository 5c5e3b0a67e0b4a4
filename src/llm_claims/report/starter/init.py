"""``llm-claims init FOLDER``: a suite that runs in its first minute."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from llm_claims.document.files import write_atomically
from llm_claims.errors import UsageError

SUFFIX = ".template"
NEXT = """\
cd {folder}
pytest -m cpu                      judge its two claims: on the document's figures, and live on this processor
llm-claims review                  see the new verdicts, and accept them
llm-claims add ID                  add a claim of your own document"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", type=Path, help="where to; existing files are never overwritten")


def init(given: argparse.Namespace) -> None:
    """Write the suite, and say what to do next.

    Raises
    ------
    UsageError
        A file exists already; nothing is written then.
    """
    folder: Path = given.folder
    texts = {folder / name.removesuffix(SUFFIX): text for name, text in _templates(files(__package__))}
    if there := [str(path) for path in texts if path.exists()]:
        raise UsageError(f"{', '.join(there)}: there already, and never overwritten: choose another folder")
    for path, text in texts.items():
        write_atomically(path, text, new=True)
        print(path)
    print(NEXT.format(folder=folder))


def _templates(folder: Traversable, before: str = "") -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _templates(one, f"{before}{one.name}/")
        elif one.name.endswith(SUFFIX):
            yield f"{before}{one.name}", one.read_text(encoding="utf-8")
