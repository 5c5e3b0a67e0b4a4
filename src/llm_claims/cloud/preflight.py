"""Everything that can be known to be wrong before anything is created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llm_claims.cloud.account import Account


@dataclass(frozen=True)
class Needs:
    """What a run is going to launch.

    Parameters
    ----------
    training, endpoints
        Instance type (``ml.…``) → the most machines of it that are in use at one time.
    images
        Container images, with registry and tag.
    """

    training: Mapping[str, int]
    endpoints: Mapping[str, int]
    images: frozenset[str]


def check(account: Account, needs: Needs) -> None:
    """Check credentials, clock, region, instance types, role, bucket, images and quotas; nothing is created.

    Raises
    ------
    SetUpError
        Something is not fit; the text says what, and what to do.
    NoCapacity
        The quota for an instance type is too small.
    """
    raise NotImplementedError
