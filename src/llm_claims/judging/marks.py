"""The decorators of a claim's test: which claim it tests, and under which of the document's settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import pytest

from llm_claims.document.setting import Setting

_Test = TypeVar("_Test", bound=Callable[..., None])


def claim(id: str, *, place: str) -> Callable[[_Test], _Test]:
    """Mark a test as the test of claim ``id``, made at ``place`` in the document."""

    def mark(test: _Test) -> _Test:
        marked: _Test = pytest.mark.claim(id=id, place=place)(test)
        return marked

    return mark


def settings(*held: Setting) -> pytest.MarkDecorator:
    """Parametrize a claim's test over the document's settings; the first is the primary one."""
    marked = [setting.under(held[0].id) for setting in held]
    return pytest.mark.parametrize("setting", marked, ids=[setting.id for setting in marked])


def claim_of(item: pytest.Item) -> str | None:
    """Return the id of the claim that a test tests; ``None`` for other tests, and for a foreign marker of that name."""
    return next((str(one.kwargs["id"]) for one in item.iter_markers("claim") if is_ours(one)), None)


def place_of_claim(item: pytest.Item) -> str:
    """Return where the document makes the claim that a test tests."""
    return next((str(one.kwargs["place"]) for one in item.iter_markers("claim") if is_ours(one)), "")


def is_ours(marker: pytest.Mark) -> bool:
    """Whether a marker named ``claim`` was made by `claim`: other projects may have one of that name."""
    return not marker.args and marker.kwargs.keys() == {"id", "place"}
