"""The WSGI application: every request meets the faults and the ledger, and then the emulator's services or moto's."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Response

from tests.emulator import iam, images, pricing, quotas, wire
from tests.emulator.control import Control
from tests.emulator.errors import AwsError
from tests.emulator.sagemaker import SageMaker
from tests.emulator.schedules import Schedules
from tests.emulator.wire import Call
from tests.emulator.world import World


class LostConnection(Exception):
    """The answer is not to arrive."""


class App:
    """One emulated account, as a WSGI application."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sagemaker = SageMaker(world)
        self.schedules = Schedules(world, self.sagemaker)
        self._control = Control(world, self.schedules, self.reset)
        self._last_list = 0.0
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/_emulator/"):
            return self._control.answer(environ)(environ, start_response)
        call = wire.read(environ)
        if call.internal:
            return Response.from_app(self._moto, environ)(environ, start_response)
        try:
            response = self._answer(call, environ)
        except LostConnection:
            with contextlib.suppress(OSError):
                environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionAbortedError("as the fault asks") from None
        response.headers["Date"] = formatdate(self.world.clock.now(), usegmt=True)
        return response(environ, start_response)

    def _answer(self, call: Call, environ: dict[str, Any]) -> Response:
        faults = self.world.faults.meet(call)
        kinds = [fault.kind for fault in faults]
        row = self.world.ledger.begin(call, self.world.clock.now(), kinds)
        time.sleep(sum(fault.seconds for fault in faults if fault.kind == "slow"))
        if "lost_request" in kinds:
            raise LostConnection
        if "html" in kinds:
            row["status"] = 403
            return Response("<html><body>Please sign in to the network</body></html>", 403, content_type="text/html")
        try:
            self._refuse(call, faults)
            response = self._do(call, environ, short_of_machines="capacity" in kinds)
        except AwsError as error:
            response = wire.refusal(call, error)
            row["error"] = error.code
        row["status"] = response.status_code
        time.sleep(sum(fault.seconds for fault in faults if fault.kind == "slow_response"))
        if "lost_response" in kinds:
            raise LostConnection
        return response

    def _refuse(self, call: Call, faults: list[Any]) -> None:
        if self.world.clock.refuses(call.amz_date):
            if call.service == "s3":
                raise AwsError(
                    "RequestTimeTooSkewed",
                    "The difference between the request time and the current time is too large.",
                    403,
                )
            raise AwsError(
                "InvalidSignatureException",
                f"Signature expired: {call.amz_date} is not within 5 min. of the current time.",
                403,
            )
        if call.operation == "ListTrainingJobs":
            self._limit_rate(self.world.settings.list_jobs_per_second)
        for fault in faults:
            if refusal := fault.refusal(call):
                raise refusal
        iam.check(self.world, call)

    def _limit_rate(self, per_second: float) -> None:
        """Refuse a call that comes sooner after the last one that was let through than the rate allows."""
        now = time.monotonic()
        if per_second and now - self._last_list < 1 / per_second:
            raise AwsError("ThrottlingException", "Rate exceeded")
        self._last_list = now

    def _do(self, call: Call, environ: dict[str, Any], short_of_machines: bool) -> Response:
        if call.service == "sagemaker" and call.operation == "InvokeEndpoint":
            return self._invoke(call, environ)
        if call.service == "sagemaker" and self.sagemaker.knows(call.operation):
            return wire.answer(self.sagemaker.do(call, short_of_machines))
        if call.operation == "CreateSchedule":
            self.schedules.check(call)
        if call.operation == "SimulatePrincipalPolicy":
            return Response(iam.simulate(self.world, call.params), content_type="text/xml")
        own = {
            ("pricing", "GetProducts"): lambda: pricing.get_products(call.params),
            ("servicequotas", "ListServiceQuotas"): lambda: quotas.list_service_quotas(self.world, call.params),
            ("servicequotas", "GetServiceQuota"): lambda: quotas.get_service_quota(self.world, call.params),
            ("logs", "GetLogEvents"): lambda: self.world.logs.page(call.params, self.world.settings.empty_log_pages),
            ("ecr", "BatchGetImage"): lambda: images.batch_get(self.world, call.params),
            ("ecr", "DescribeImages"): lambda: images.describe(self.world, call.params),
        }.get((call.service, call.operation))
        return wire.answer(own()) if own else Response.from_app(self._moto, environ)

    def _invoke(self, call: Call, environ: dict[str, Any]) -> Response:
        headers = {"Content-Type": environ.get("CONTENT_TYPE") or "application/octet-stream"}
        headers["Accept"] = environ.get("HTTP_ACCEPT") or "*/*"
        reply = self.sagemaker.endpoints.invoke(str(call.name), call.region, call.body, headers)
        response = Response(reply.body, content_type=reply.content_type)
        response.headers["x-Amzn-Invoked-Production-Variant"] = reply.variant
        return response

    def reset(self) -> None:
        """End all that runs, and forget everything: an account as at the start."""
        self.sagemaker.close()
        self.world.forget()
        moto_api_backend.reset()
        self.world.furnish()

    def close(self) -> None:
        """End all that runs."""
        self.sagemaker.close()
