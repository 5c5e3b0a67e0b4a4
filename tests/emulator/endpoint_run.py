"""One endpoint as it serves: its container, from the model's download to its end."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import shutil
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.emulator.container import Container, base_environment
from tests.emulator.errors import AwsError
from tests.emulator.images import digest_of
from tests.emulator.sandbox import Sandbox
from tests.emulator.shelf import ACCOUNT, Resource
from tests.emulator.world import World

_SERVER = Path(__file__).with_name("lmi") / "server.py"
_INSTANCES = Path(__file__).parents[2] / "fixtures" / "instances.json"
_NO_MACHINES = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_START_UP_SECONDS = 600.0  # unless ContainerStartupHealthCheckTimeoutInSeconds says otherwise


class NotServing(Exception):
    """The endpoint cannot come into service; the message is its FailureReason."""


@dataclass(frozen=True)
class Reply:
    """What the container answered."""

    body: bytes
    content_type: str
    variant: str


class EndpointRun:
    """Starts the container, and keeps what Describe answers up to date."""

    def __init__(
        self, world: World, row: Resource, model: dict[str, Any], variant: dict[str, Any], short_of_machines: bool
    ) -> None:
        self._world, self._row, self._short = world, row, short_of_machines
        self._image = model["PrimaryContainer"]
        self._variant = variant
        self._folder = world.new_folder(row.name)
        self._port = _free_port()
        self._stream = f"{variant['VariantName']}/i-{hashlib.sha256(row.name.encode()).hexdigest()[:17]}"
        self._container: Container | None = None
        self._closed = threading.Event()

    def start(self) -> None:
        try:
            self._start()
        except NotServing as reason:
            self._settle("Failed", str(reason))
        except Exception as problem:  # whatever is wrong with the model is the endpoint's failure
            self._settle("Failed", f"Failed to download model data or to start the container: {problem}")
        else:
            self._settle("InService", None)

    def _start(self) -> None:
        self._closed.wait(self._world.settings.start_seconds)
        if self._short:
            raise NotServing(_NO_MACHINES)
        root = self._folder / "ml"
        (root / "model").mkdir(parents=True)
        if uri := _model_data(self._image):
            if uri.endswith("/"):
                self._world.storage.download(uri, root / "model")
            else:
                self._world.storage.unpack(uri, root / "model")
        if "djl-inference" not in self._image.get("Image", ""):
            raise NotServing(
                f"The emulator has no images: it serves djl-inference images only, not {self._image.get('Image')}"
            )
        with self._world.shelf.lock:
            if self._closed.is_set():
                return
            self._container = Container(
                Sandbox(root, "algo-1", ("algo-1",), self._world.namespaces),
                [sys.executable, str(_SERVER)],
                self._environment(),
                self._line,
            )
        self._await_ping()

    def _environment(self) -> dict[str, str]:
        base = base_environment(self._world.url, self._row.region)
        own = {
            "SAGEMAKER_BIND_TO_PORT": str(self._port),
            "LLM_CLAIMS_EMULATED_GPUS": str(_gpus(self._variant["InstanceType"])),
        }
        return {**base, **self._image.get("Environment", {}), **own}

    def _line(self, line: str) -> None:
        self._world.logs.write(f"/aws/sagemaker/Endpoints/{self._row.name}", self._stream, line)

    def _await_ping(self) -> None:
        limit = time.monotonic() + self._variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _START_UP_SECONDS)
        name = self._variant["VariantName"]
        failed = NotServing(
            f"The primary container for production variant {name} did not pass the ping health check. "
            "Please check CloudWatch logs for this endpoint."
        )
        assert self._container is not None
        while not self._closed.is_set():
            if self._container.poll() is not None or time.monotonic() > limit:
                self._container.kill()
                raise failed
            with contextlib.suppress(OSError):
                if self._ask("GET", "/ping", b"", {}, 2.0)[0] == 200:
                    return
            time.sleep(0.05)

    def _ask(
        self, method: str, path: str, body: bytes, headers: dict[str, str], timeout: float
    ) -> tuple[int, bytes, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.getheader("Content-Type", "application/octet-stream")

    def invoke(self, body: bytes, headers: dict[str, str]) -> Reply:
        """Pass one request to the container.

        Raises
        ------
        AwsError
            ModelError: the model answered with an error, is dead, or did not answer in time.
        """
        name = self._variant["VariantName"]
        try:
            status, answer, kind = self._ask(
                "POST", "/invocations", body, headers, self._world.settings.invocation_timeout_seconds
            )
        except TimeoutError:
            raise self._model_error(
                0, f"Your invocation timed out while waiting for a response from container {name}."
            ) from None
        except (OSError, http.client.HTTPException):
            raise self._model_error(500, "The container is not reachable.") from None
        if status >= 300:
            raise self._model_error(status, answer.decode(errors="replace"))
        return Reply(answer, kind, name)

    def _model_error(self, status: int, said: str) -> AwsError:
        group = f"/aws/sagemaker/Endpoints/{self._row.name}"
        place = f"https://{self._row.region}.console.aws.amazon.com/cloudwatch/home?region={self._row.region}#logEventViewer:group={group}"
        kind = "client" if 400 <= status < 500 else "server"
        text = (
            f'Received {kind} error ({status}) from primary with message "{said}". '
            f"See {place} in account {ACCOUNT} for more information."
        )
        return AwsError(
            "ModelError",
            text,
            424,
            OriginalStatusCode=status,
            OriginalMessage=said,
            LogStreamArn=f"arn:aws:logs:{self._row.region}:{ACCOUNT}:log-group:{group}",
        )

    def _settle(self, status: str, reason: str | None) -> None:
        """Write down how the start ended, unless the endpoint is being deleted."""
        with self._world.shelf.lock:
            body = self._row.body
            if self._closed.is_set() or body["EndpointStatus"] == "Deleting":
                return
            body["EndpointStatus"], body["LastModifiedTime"] = status, self._world.clock.now()
            if reason:
                body["FailureReason"] = reason[:1024]
                body["_machines"] = {}
                return
            image = self._image["Image"]
            resolved = {"SpecifiedImage": image, "ResolvedImage": f"{image.rpartition(':')[0]}@{digest_of(image)}"}
            count = self._variant.get("InitialInstanceCount", 1)
            body["ProductionVariants"] = [
                {
                    "VariantName": self._variant["VariantName"],
                    "CurrentWeight": 1.0,
                    "DesiredWeight": 1.0,
                    "CurrentInstanceCount": count,
                    "DesiredInstanceCount": count,
                    "DeployedImages": [{**resolved, "ResolutionTime": self._world.clock.now()}],
                }
            ]

    def close(self) -> None:
        """End the container."""
        with self._world.shelf.lock:
            self._closed.set()
        if self._container is not None:
            self._container.kill()
        shutil.rmtree(self._folder, ignore_errors=True)
        with self._world.shelf.lock:
            self._row.body["_machines"] = {}


def _model_data(image: dict[str, Any]) -> str | None:
    if source := image.get("ModelDataSource", {}).get("S3DataSource"):
        return str(source["S3Uri"])
    return image.get("ModelDataUrl")


def _gpus(instance_type: str) -> int:
    """How many GPUs a machine of this type has; none if the suite's table does not have it."""
    table = json.loads(_INSTANCES.read_text(encoding="utf-8"))["instances"]
    return int(table.get(instance_type.removeprefix("ml."), {}).get("gpus", 0))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
