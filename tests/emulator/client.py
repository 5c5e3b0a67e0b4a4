"""An emulator, as a test holds it: where it is, its faults, its ledger, its clock."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


@dataclass
class Emulator:
    """A running emulator. `start` makes one, which ends with the process that asked for it."""

    url: str
    region: str
    role: str
    bucket: str
    pid: int
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def start(cls, *options: str, owner_pid: int | None = None) -> Emulator:
        """Start one for this process, or for another.

        Raises
        ------
        RuntimeError
            It did not start; what it said is on standard error.
        """
        owner = str(owner_pid or os.getpid())
        command = [sys.executable, "-m", "tests.emulator", "--owner-pid", owner, *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=_ROOT)
        assert process.stdout is not None
        first = process.stdout.readline()
        if not first:
            raise RuntimeError(f"the emulator did not start: exit code {process.wait()}")
        return cls(**json.loads(first), _process=process)

    def environment(self) -> dict[str, str]:
        """What a process needs in its environment to find this account instead of AWS."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "emulated",
            "AWS_SECRET_ACCESS_KEY": "emulated",
            "AWS_EC2_METADATA_DISABLED": "true",
            "LLM_CLAIMS_ROLE": self.role,
            "LLM_CLAIMS_BUCKET": self.bucket,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this account, one per service, that retries nothing."""
        if service not in self._clients:
            import boto3
            from botocore.config import Config

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=self.region,
                config=Config(retries={"total_max_attempts": 1}),
                aws_access_key_id="emulated",
                aws_secret_access_key="emulated",
            )
        return self._clients[service]

    def fault(self, kind: str, operation: str = "*", **more: Any) -> None:
        """Set a fault: `fault("lost_response", "CreateEndpoint", nth=2)`. See `tests.emulator.faults.Fault`."""
        self.ask("POST", "faults", {"kind": kind, "operation": operation, **more})

    def clear_faults(self) -> None:
        self.ask("DELETE", "faults")

    def calls(self, operation: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """The ledger: every call that was made, with its number, name, parameters, status, error and faults."""
        query = f"?since={since}" + (f"&operation={operation}" if operation else "")
        return list(self.ask("GET", f"calls{query}"))

    def resources(self, *kinds: str) -> list[dict[str, Any]]:
        """What is there now and would have to be cleaned up, of these kinds or of all."""
        return [row for row in self.ask("GET", "resources") if not kinds or row["kind"] in kinds]

    def billed(self) -> list[dict[str, Any]]:
        """What bills by the hour now."""
        return [row for row in self.resources() if row["billed"]]

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Change settings, and return all. See `tests.emulator.settings.Settings`."""
        return dict(self.ask("POST", "settings", changes))

    def clock(self, offset_seconds: float = 0.0, strict: bool = False) -> None:
        """Move the account's clock. When `strict`, requests signed more than five minutes off it are refused."""
        self.ask("POST", "clock", {"offset_seconds": offset_seconds, "strict": strict})

    def backdate(self, name: str, seconds: float) -> None:
        """Make all that has this text in its name older."""
        self.ask("POST", "backdate", {"name": name, "seconds": seconds})

    def reset(self) -> None:
        """No faults, the settings and the clock as at the start, and nothing left of what was made."""
        self.ask("POST", "reset")

    def ask(self, method: str, path: str, content: Any = None) -> Any:
        """Ask the emulator's own interface.

        Raises
        ------
        ValueError
            It refused, and says why.
        """
        data = json.dumps(content).encode() if content is not None else None
        request = urllib.request.Request(f"{self.url}/_emulator/{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            raise ValueError(json.load(refused)["error"]) from None

    def close(self) -> None:
        """End it, and all that runs in it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
            assert self._process.stdout is not None
            self._process.stdout.close()
