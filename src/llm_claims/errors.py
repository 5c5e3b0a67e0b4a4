"""What can go wrong, in words for a person."""

from __future__ import annotations


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


class ProgramError(ClaimsError):
    """A live program that died, hung, or answered with something else than evidence."""


class Inconclusive(Exception):
    """A source could not measure this case now, for a reason that says nothing of the claim; the text is the reason."""


class Untestable(Exception):
    """A source cannot measure this case; the text is the reason the report shows."""
