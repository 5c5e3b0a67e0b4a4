"""An endpoint in service: send it requests, read its log."""

from __future__ import annotations

from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import aws_errors, error_code, error_text
from llm_claims.sagemaker.errors import CloudError, EndpointError, RequestRefused
from llm_claims.sagemaker.logs import ENDPOINT_GROUP, LogReader
from llm_claims.sagemaker.pace import Pace

LAST_LINES = 20
VARIANT = "AllTraffic"
_THROTTLED = ("ThrottlingException", "Throttling", "TooManyRequestsException")


class InService:
    """One endpoint in service.

    ``instance_type`` is the type that it runs on (``ml.…``); ``image_digest`` is the digest of its image that AWS
    reports, or None.
    """

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
        RequestRefused
            AWS is asked too often.
        EndpointError
            The model failed, or did not answer within ``timeout_seconds``; the text ends with the log's last lines.
        """
        # No retry: the caller measures the time of this call.
        client = self._account.client("sagemaker-runtime", read_timeout=timeout_seconds, attempts=1)
        try:
            answer = client.invoke_endpoint(
                EndpointName=self._name, Body=body, ContentType="application/json", Accept="application/json"
            )
            return bytes(answer["Body"].read())
        except aws_errors(OSError) as error:
            why = f"endpoint {self._name} did not answer: {error_code(error)}: {error_text(error)}"
            if error_code(error) in _THROTTLED:
                raise RequestRefused(self._account.scrub(why)) from None
            raise EndpointError(with_log(self._account, why, self._last_lines())) from None

    def lines(self) -> list[str]:
        """Return all lines that the container has logged so far, scrubbed.

        Raises
        ------
        CloudError
            The log cannot be read.
        """
        for _, line in self._log.read():
            self._lines.append(line)
        return list(self._lines)

    def _last_lines(self) -> list[str]:
        """Return the end of the log, once no line has come for `Pace.quiet`: CloudWatch shows lines late."""
        try:
            seen, still_since = len(self.lines()), self._pace.now()
            while self._pace.now() - still_since < self._pace.quiet:
                self._pace.sleep(min(self._pace.poll, self._pace.quiet))
                if len(self.lines()) > seen:
                    seen, still_since = len(self._lines), self._pace.now()
            return self._lines[-LAST_LINES:]
        except CloudError as error:
            return [*self._lines, str(error)][-LAST_LINES:]


def last_lines(account: Account, name: str) -> list[str]:
    """Return the end of an endpoint's log, and the error that kept it from being read to its end."""
    lines: list[str] = []
    try:
        for _, line in LogReader(account, f"{ENDPOINT_GROUP}{name}", f"{VARIANT}/").read():
            lines.append(line)
    except CloudError as error:
        lines.append(str(error))
    return lines[-LAST_LINES:]


def with_log(account: Account, why: str, lines: list[str]) -> str:
    """Return the text ``why``, followed by the last lines of a log."""
    return "\n".join(
        [account.scrub(why), *(["The last lines of its log:", *lines] if lines else ["It logged nothing."])]
    )


def _digest(described: dict[str, Any]) -> str | None:
    """Return the image's digest from AWS's description of an endpoint."""
    for variant in described.get("ProductionVariants", []):
        for image in variant.get("DeployedImages", []):
            _, found, digest = str(image.get("ResolvedImage", "")).partition("@")
            if found:
                return digest
    return None
