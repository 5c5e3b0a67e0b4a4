"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, text: str, *, new: bool = False) -> None:
    """Write ``text`` to a temporary file beside ``path``, then rename it over ``path``.

    Raises
    ------
    FileExistsError
        ``new`` was asked for, and ``path`` exists, perhaps only since a moment ago.
    OSError
        The folder cannot be written, and ``path`` is as it was; the error names a file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            os.link(temporary, path)
            temporary.unlink()
        else:
            temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            # A disk that is full says so, and not where.
            error.filename = str(path)
        raise


def try_to_write(folder: Path, *, new: bool = False) -> None:
    """Write a file into ``folder`` as `write_atomically` would, and remove it.

    Raises
    ------
    OSError
        It cannot be written; ``new``: as a new file, which takes hard links.
    """
    probe = folder / f".probe.{secrets.token_hex(8)}"
    try:
        write_atomically(probe, "", new=new)
    finally:
        probe.unlink(missing_ok=True)
