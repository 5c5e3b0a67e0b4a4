"""How kind or unkind the emulated account is. Settable while it runs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class Settings:
    """Waits in seconds, refusals, and what is missing.

    `delete_while_creating`: whether DeleteEndpoint is accepted before the endpoint is in service. AWS's documents do
    not say; the emulator refuses by default, which is the harder case for whoever cleans up.
    """

    start_seconds: float = 0.0  # of a job or endpoint, before its machines are there
    stop_grace_seconds: float = 5.0  # between SIGTERM and SIGKILL; AWS gives 120
    log_delay_seconds: float = 0.0  # from a line to its being found in CloudWatch
    empty_log_pages: int = 0  # before each page of a log that has lines, as CloudWatch may give them
    list_jobs_per_second: float = 0.0  # ListTrainingJobs beyond this is throttled, as in AWS beyond 2; 0: never
    search_lag_seconds: float = 0.0  # from a create to its being found by Search, which lags in AWS too
    delete_seconds: float = 0.0  # from DeleteEndpoint to the endpoint being gone
    invocation_timeout_seconds: float = 60.0
    delete_while_creating: bool = False
    denied: list[str] = field(default_factory=list)  # actions: "iam:PassRole", "sagemaker:CreateEndpoint"
    missing_images: list[str] = field(default_factory=list)  # parts of image names that no registry has
    quotas: dict[str, float] = field(default_factory=dict)  # "ml.g5.2xlarge for endpoint usage": 0

    def update(self, changes: dict[str, Any]) -> None:
        known = {f.name for f in fields(self)}
        if unknown := set(changes) - known:
            raise ValueError(f"no such setting: {sorted(unknown)}; there are {sorted(known)}")
        for key, value in changes.items():
            setattr(self, key, value)

    def listed(self) -> dict[str, Any]:
        return asdict(self)
