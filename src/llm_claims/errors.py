"""What can go wrong, in words for a person."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class ClaimsError(Exception):
    """A fault the user can mend; its text says what, where, and what to do."""


class UsageError(ClaimsError):
    """A wrong option, claim id, instance type or relation: the run cannot start."""


class RecordingError(ClaimsError):
    """A recording file that cannot be trusted."""


class WitnessError(ClaimsError):
    """A run whose own observations differ from the workload it was asked to be."""


class EvidenceError(ClaimsError):
    """Evidence that lacks what a relation needs: a metric, a sample, a completed run."""


class UnpairedError(EvidenceError):
    """Timed series of which no two samples were taken in one pass."""


class ProgramError(ClaimsError):
    """A live program that died, hung, or answered with something else than evidence."""


class Inconclusive(Exception):
    """A source could not measure this case now, for a reason that says nothing of the claim; the text is the reason."""


class Untestable(Exception):
    """A source cannot measure this case; the text is the reason the report shows."""


def nearest(word: object, known: Iterable[str], otherwise: str = "") -> str:
    """Return the end of a message: which of the ``known`` words was meant, or ``otherwise`` if none is like it."""
    from difflib import get_close_matches

    asked, words = str(word), list(known)
    near = get_close_matches(asked, words, n=1) or [one for one in words if len(asked) > 2 and asked in one][:3]
    return f": did you mean {' or '.join(map(repr, near))}?" if near else otherwise


def listed(names: Sequence[str], most: int = 10) -> str:
    """Join names; of many the first ones, and how many there are more."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
