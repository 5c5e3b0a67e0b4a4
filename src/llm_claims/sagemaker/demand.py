"""What a plan demands of the account: money, machines and images. Workers of a run tell it to their controller."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from llm_claims.document.files import write_atomically

_FILE = "sagemaker-demand.json"


class Demand(BaseModel):
    """The demand of a plan; ``refusal`` says why there is no plan.

    ``usd`` is the estimated cost. ``jobs`` and ``endpoints`` have for each instance type (``ml.…``) the machines that
    one launch needs at most; ``images`` are ``REPOSITORY:TAG``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    usd: float = 0.0
    jobs: dict[str, int] = {}
    endpoints: dict[str, int] = {}
    images: tuple[str, ...] = ()
    refusal: str | None = None

    def keep(self, folder: Path) -> None:
        """Write it where the controller of xdist's workers, which collects nothing, reads it."""
        write_atomically(folder / _FILE, self.model_dump_json())


def read_demand(folder: Path) -> Demand | None:
    """Read the demand that the workers of a run wrote, if one did by now; all of them have the same plan."""
    path = folder / _FILE
    return Demand.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None
