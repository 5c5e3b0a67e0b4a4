"""``llm-claims init FOLDER``: a suite that runs in its first minute; with ``--document``, a further document of one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from llm_claims.document.documents import NAME_RULE, is_name
from llm_claims.document.files import write_atomically
from llm_claims.errors import UsageError
from llm_claims.judging.options import REGISTER, is_register, registers_in

SUFFIX = ".template"
NEXT = """\
cd {folder}
pytest -m cpu                      judge its two claims: on the document's figures, and live on this processor
llm-claims review                  see the new verdicts, and accept them
llm-claims add ID                  add a claim of your own document"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", type=Path, nargs="?", help="where to; existing files are never overwritten")
    parser.add_argument(
        "--document", metavar="NAME", help="add an empty document of this name to the suite that is there already"
    )
    parser.add_argument("--fixtures", type=Path, default=Path("fixtures"), help="the folder of a suite's documents")


def init(given: argparse.Namespace) -> None:
    """Write the suite or the further document, and say what to do next.

    Raises
    ------
    UsageError
        A file exists already, or the document's name cannot be one; nothing is written then.
    """
    if given.document is not None:
        _add_document((given.folder or Path()) / given.fixtures, given.document)
        return
    folder: Path | None = given.folder
    if folder is None:
        raise UsageError("say where to: llm-claims init FOLDER, or which further document: --document NAME")
    texts = {folder / name.removesuffix(SUFFIX): text for name, text in _templates(files(__package__))}
    if there := [str(path) for path in texts if path.exists()]:
        raise UsageError(f"{', '.join(there)}: there already, and never overwritten: choose another folder")
    for path, text in texts.items():
        write_atomically(path, text, new=True)
        print(path)
    print(NEXT.format(folder=folder))


def _add_document(fixtures: Path, name: str) -> None:
    """Write the register of a document without claims: the others' files stay as they are."""
    if not is_name(name):
        raise UsageError(f"--document {name}: {NAME_RULE}")
    path = fixtures / name / REGISTER
    if not any(map(is_register, there := registers_in(fixtures))):
        raise UsageError(f"{fixtures} has no document yet: begin a suite with llm-claims init FOLDER")
    if path.exists() or name in (one.resolve().parent.name for one in there):
        path = next((one for one in there if one.resolve().parent.name == name), path)
        raise UsageError(f"{path}: there already, and never overwritten: choose another name")
    write_atomically(path, f'document = "{name}"  # its title, as reports show it\n', new=True)
    print(path)
    print(f"llm-claims add ID --document {name}    add its first claim")


def _templates(folder: Traversable, before: str = "") -> Iterator[tuple[str, str]]:
    for one in sorted(folder.iterdir(), key=lambda one: one.name):
        if one.is_dir():
            yield from _templates(one, f"{before}{one.name}/")
        elif one.name.endswith(SUFFIX):
            yield f"{before}{one.name}", one.read_text(encoding="utf-8")
