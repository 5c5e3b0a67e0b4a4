"""Completeness: claims without a test, and accepted verdicts without a case."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from llm_claims.judging.accepted import is_verdict, read_accepted


@dataclass(frozen=True)
class ModuleSearch:
    """Looks through the files under ``root`` in which pytest would look for tests.

    ``names`` are the patterns of ``python_files``, ``without`` those of ``norecursedirs``.
    """

    root: Path
    names: Sequence[str]
    without: Sequence[str]

    def lacking(self, ids: Collection[str]) -> set[str]:
        """Return the ids that stand in no test file as a string: those claims have no test."""
        missing = set(ids)
        for path in self._paths():
            if not missing:
                break
            missing -= strings_in(path, missing)
        return missing

    def _paths(self) -> Iterator[Path]:
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if not self._is_skipped(Path(folder, name))]
            for path in (Path(folder, name) for name in files if name.endswith(".py")):
                if any(path.match(pattern) for pattern in self.names):
                    yield path

    def _is_skipped(self, folder: Path) -> bool:
        return any(fnmatch(folder.name, name) for name in self.without) or (folder / "pyvenv.cfg").exists()


@dataclass
class Produced:
    """The test items of claims that a module gave, under the names that their verdicts have in its amber file."""

    module: Path
    names: set[str] = field(default_factory=set)

    def is_beside(self, accepted: Path) -> bool:
        """Whether the amber file lies in a folder of its own beside the module: there, no others' files lie."""
        return accepted.parent.parent == self.module.parent

    def lacks(self, name: str, sources: Collection[str]) -> bool:
        """Whether no test gives a verdict of this name, though its module was read and its source is here."""
        if name in self.names:
            return False
        test, _, parameters = name.removesuffix("]").partition("[")
        if any(one.partition("[")[0] == test for one in self.names):
            return any(parameters == source or parameters.endswith(f"-{source}") for source in sources)
        if not self.module.is_file():
            return True
        text = self.module.read_text(encoding="utf-8", errors="replace")
        return re.search(rf"\bdef {re.escape(test.rpartition('.')[2])}\b", text) is None


def strings_in(path: Path, wanted: Collection[str]) -> set[str]:
    """Return the wanted strings that a module has as literals: neither a comment nor part of a text is a test."""
    text = path.read_text(encoding="utf-8", errors="replace")
    likely = {word for word in wanted if word in text}
    if not likely:
        return set()
    try:
        nodes = ast.walk(ast.parse(text))
    except (SyntaxError, ValueError):
        # A module that cannot be read cannot be collected either, and pytest says so.
        return likely
    return likely & {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def unclaimed(produced: Mapping[Path, Produced], sources: Collection[str]) -> Iterator[str]:
    """Say which accepted verdicts have no case any more, one line a file.

    ``produced`` has what is known of each amber file of a collected module. In the folders of these, files whose
    module is gone are looked at, too. A verdict of a source that is not here is left alone.
    """
    for folder in sorted({path.parent for path, one in produced.items() if one.is_beside(path)}):
        for path in sorted(folder.glob("*.ambr")):
            known = produced.get(path) or Produced(folder.parent / f"{path.stem}.py")
            lines = read_accepted(path)
            gone = [name for name, line in lines.items() if is_verdict(name, line) and known.lacks(name, sources)]
            if gone:
                yield f"{path} has accepted verdicts that no test gives: {listed(gone)}. Take them out."


def listed(names: Sequence[str], most: int = 10) -> str:
    """Join names; of many the first ones, and how many there are more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
