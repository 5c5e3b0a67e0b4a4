"""An endpoint in service: invoked, and asked for its log."""

from __future__ import annotations

from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import code_of
from llm_claims.sagemaker.errors import CloudError, EndpointError
from llm_claims.sagemaker.logs import ENDPOINT_GROUP, LogReader
from llm_claims.sagemaker.pace import Pace

LAST_LINES = 20
VARIANT = "AllTraffic"


class InService:
    """One endpoint, as `llm_claims.sagemaker.specs.Endpoint`."""

    def __init__(self, account: Account, name: str, described: dict[str, Any], instance_type: str, pace: Pace) -> None:
        self._account, self._name, self._pace = account, name, pace
        self.instance_type = instance_type
        self.image_digest = _digest(described)
        self._log = LogReader(account, f"{ENDPOINT_GROUP}{name}", f"{VARIANT}/")
        self._lines: list[str] = []

    def invoke(self, body: bytes, timeout_seconds: float) -> bytes:
        """Send one request, once, and return the body of the answer.

        Raises
        ------
        EndpointError
            The model failed, or did not answer in time; with the scrubbed message and the last lines of the log.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        # No second try: the caller measures the time.
        client = self._account.client("sagemaker-runtime", read_timeout=timeout_seconds, attempts=1)
        try:
            answer = client.invoke_endpoint(
                EndpointName=self._name, Body=body, ContentType="application/json", Accept="application/json"
            )
            return bytes(answer["Body"].read())
        except (BotoCoreError, ClientError, OSError) as error:
            why = f"endpoint {self._name} did not answer: {code_of(error)}: {error}"
            raise EndpointError(with_log(self._account, why, self._last_lines())) from None

    def lines(self) -> list[str]:
        """What the container has logged so far, scrubbed.

        Raises
        ------
        CloudError
            The log cannot be read.
        """
        self._lines += [line for _, line in self._log.read()]
        return list(self._lines)

    def _last_lines(self) -> list[str]:
        """The end of the log, once it is still: what a container says before it fails comes after the failure."""
        try:
            seen, still_since = len(self.lines()), self._pace.now()
            while self._pace.now() - still_since < self._pace.quiet:
                self._pace.sleep(min(self._pace.poll, self._pace.quiet))
                if len(self.lines()) > seen:
                    seen, still_since = len(self._lines), self._pace.now()
            return self._lines[-LAST_LINES:]
        except CloudError as error:
            return [str(error)]


def last_lines(account: Account, name: str) -> list[str]:
    """Return the end of an endpoint's log, or why there is none to show."""
    try:
        return [line for _, line in LogReader(account, f"{ENDPOINT_GROUP}{name}", f"{VARIANT}/").read()][-LAST_LINES:]
    except CloudError as error:
        return [str(error)]


def with_log(account: Account, why: str, lines: list[str]) -> str:
    """Say what went wrong, and show the end of the log."""
    return "\n".join(
        [account.scrub(why), *(["The last lines of its log:", *lines] if lines else ["It logged nothing."])]
    )


def _digest(described: dict[str, Any]) -> str | None:
    for variant in described.get("ProductionVariants", []):
        for image in variant.get("DeployedImages", []):
            _, found, digest = str(image.get("ResolvedImage", "")).partition("@")
            if found:
                return digest
    return None
