"""One case of the matrix, and what came of it: they travel as JSON between the test and its benches."""

from __future__ import annotations

from dataclasses import dataclass, field

# What AWS does wrong, by the emulator's words for it; and what happens to the client, at the call.
REFUSALS = ("throttling", "internal", "lost_response", "access_denied", "expired_token", "html")
KILLS = ("kill before", "kill after")
SIGNALS = ("SIGTERM", "SIGINT")
IN_FLIGHT = "kill in flight"

# What does something in the account: anything else only looks.
CHANGES = ("Create", "Delete", "Stop", "Update", "Put", "Abort", "Complete", "Upload", "Add", "Multipart")

# boto3's name of an operation → the emulator's, where they differ: S3's are told by method and query alone.
EMULATED = {
    "ListMultipartUploads": "ListObjects",
    "AbortMultipartUpload": "MultipartUpload",
    "CreateMultipartUpload": "MultipartUpload",
    "UploadPart": "MultipartUpload",
    "CompleteMultipartUpload": "MultipartUpload",
}


@dataclass(frozen=True)
class Case:
    """One operation of one scenario, and what goes wrong with it."""

    scenario: str
    operation: str
    fault: str

    def __str__(self) -> str:
        return f"{self.scenario}, {self.operation}, {self.fault}"


@dataclass
class Result:
    """What a case came to.

    `happened`: the fault did. `said_clean`: whether the client, as far as it lived, said that nothing is left;
    `left_then`: what was there when it said so, or had been signalled. `left`, `touched`: after the sweep that
    followed: what is left of the run, and what of others is not as it was, or was called to be changed. `calls`: of
    the client, as SERVICE:OPERATION.
    """

    happened: bool
    ended: str
    said_clean: bool | None
    left_then: list[str] = field(default_factory=list)
    sweep_status: int | None = None
    left: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)
    seconds: float = 0.0
    output: str = ""
    calls: list[str] = field(default_factory=list)

    def wrong(self, case: Case) -> list[str]:
        """What is wrong, in words; nothing if the case holds."""
        wrong = [] if self.happened else ["the fault did not happen"]
        wrong += [f"left: {name}" for name in self.left] + [f"touched: {name}" for name in self.touched]
        if self.said_clean and self.left_then:
            wrong.append(f"said that nothing is left, and there was {', '.join(self.left_then)}")
        if self.sweep_status != 0:
            wrong.append(f"the sweep ended with {self.sweep_status}")
        if case.fault in SIGNALS and (self.left_then or self.ended not in ("0", "130")):
            wrong.append(f"{case.fault} kept the client from cleaning up: it ended with {self.ended}")
            wrong += [f"left by then: {name}" for name in self.left_then]
        if case.fault.startswith("kill") and self.ended != "-9":
            wrong.append(f"the client was to be killed, and ended with {self.ended}")
        return wrong
