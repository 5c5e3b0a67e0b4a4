"""Observe which files are opened, with inotify, which unlike Python's hooks sees native libraries too."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Self

_IN_OPEN = 0x20
_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name that follows
_CHUNK = 1 << 16


class OpenedFiles:
    """Records the names of all files in ``folder`` that any process opens, until `close`.

    Raises
    ------
    OSError
        The kernel allows no more watches.
    """

    def __init__(self, folder: Path) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._descriptor = _checked(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        try:
            _checked(libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _IN_OPEN))
        except OSError:
            self.close()
            raise
        self._names: set[str] = set()

    @property
    def names(self) -> frozenset[str]:
        """The names of the files opened so far."""
        while chunk := self._pending():
            place = 0
            while place < len(chunk):
                *_, length = _HEADER.unpack_from(chunk, place)
                place += _HEADER.size + length
                # Padded with zeros; empty if the folder itself was opened.
                name = os.fsdecode(chunk[place - length : place].rstrip(b"\0"))
                self._names |= {name} if name else set()
        return frozenset(self._names)

    def close(self) -> None:
        """Stop watching."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pending(self) -> bytes:
        try:
            return os.read(self._descriptor, _CHUNK)
        except BlockingIOError:
            return b""


def _checked(result: int) -> int:
    """Return the result of a C function; raise `OSError` from errno if it is negative."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
