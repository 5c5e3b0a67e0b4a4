"""Faults that are to happen: which, at which calls, how often."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, fields
from typing import Any

from tests.emulator.errors import AwsError
from tests.emulator.wire import Call

NO_CAPACITY = (
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a different ML instance type."
)

_REFUSALS = {
    "throttling": AwsError("ThrottlingException", "Rate exceeded"),
    "internal": AwsError("InternalFailure", "The request processing has failed because of an unknown error.", 500),
    "unavailable": AwsError("ServiceUnavailable", "Service is unable to handle request.", 503),
    "expired_token": AwsError("ExpiredTokenException", "The security token included in the request is expired", 403),
    "no_capacity": AwsError("ResourceLimitExceeded", NO_CAPACITY),
}
_OTHERS = ("access_denied", "quota", "capacity", "html", "lost_request", "lost_response", "slow", "slow_response")
KINDS = (*_REFUSALS, *_OTHERS)


@dataclass
class Fault:
    """One fault.

    It happens to calls of `operation`, as in the API ("CreateEndpoint"; "*" is any), of `service` if given, where the
    resource's name contains `name`: from the `nth` such call on (1 is the first), `times` times (0 is for ever).
    Retries are calls too. Its kind is one of these:

    - `throttling`, `internal`, `unavailable`, `expired_token`, `no_capacity`, `access_denied`, `quota`: refused;
    - `capacity`: accepted, and the job or endpoint then fails for want of machines;
    - `html`: a proxy answers in place of AWS, with a page;
    - `lost_request`: the connection breaks, and nothing is done;
    - `lost_response`: it is done, and then the connection breaks;
    - `slow`, `slow_response`: waits `seconds` before or after it is done.
    """

    kind: str
    operation: str = "*"
    service: str | None = None
    name: str = ""
    nth: int = 1
    times: int = 1
    seconds: float = 0.0
    seen: int = 0
    happened: int = 0

    def meets(self, call: Call) -> bool:
        """Count the call if it is one of those meant, and say whether the fault happens to it."""
        if self.operation not in ("*", call.operation) or self.service not in (None, call.service):
            return False
        if self.name not in (call.name or ""):
            return False
        self.seen += 1
        if self.seen < self.nth or (self.times and self.happened >= self.times):
            return False
        self.happened += 1
        return True

    def refusal(self, call: Call) -> AwsError | None:
        """The error to answer with, if this kind is one that refuses."""
        if self.kind == "access_denied":
            code = "AccessDenied" if call.service in ("s3", "sts", "iam") else "AccessDeniedException"
            status = 403 if call.service in ("s3", "sts", "iam") else 400
            return AwsError(code, f"User is not authorized to perform: {call.service}:{call.operation}", status)
        if self.kind == "quota":
            return AwsError(
                "ResourceLimitExceeded",
                "The account-level service limit is 0 Instances, with a request delta of 1 Instances.",
            )
        return _REFUSALS.get(self.kind)


class FaultBook:
    """All faults that are set."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, described: dict[str, Any]) -> Fault:
        known = {f.name for f in fields(Fault)} - {"seen", "happened"}
        if set(described) - known or described.get("kind") not in KINDS:
            raise ValueError(f"a fault has {sorted(known)}, and its kind is one of {', '.join(KINDS)}; not {described}")
        fault = Fault(**described)
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def meet(self, call: Call) -> list[Fault]:
        """The faults that happen to this call. Every fault that means it counts it."""
        with self._lock:
            return [fault for fault in self._faults if fault.meets(call)]

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._faults]
