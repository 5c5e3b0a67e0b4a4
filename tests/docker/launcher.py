"""Endpoints as containers on this machine: the image's own model server, and no AWS."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from llm_claims.sagemaker.errors import CloudError, EndpointError, SetUpError
from llm_claims.sagemaker.specs import EndpointSpec, JobResult, TrainingSpec

IMAGE = "llm-claims-djl-serving"
LABEL = "llm-claims-docker-test"
LAST_LINES = 40


def docker(*arguments: str) -> str:
    """Run one command of Docker and return what it prints.

    Raises
    ------
    CloudError
        It failed.
    """
    try:
        done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        raise SetUpError("there is no docker on this machine") from None
    if done.returncode:
        raise CloudError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


@dataclass(frozen=True)
class DockerEndpoint:
    """A container that answers as an endpoint does."""

    container: str
    url: str
    instance_type: str = "docker"
    image_digest: str | None = None

    def invoke(self, body: bytes, timeout_seconds: float) -> bytes:
        request = urllib.request.Request(
            f"{self.url}/invocations", body, {"Content-Type": "application/json"}, method="POST"
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
                content: bytes = answer.read()
                return content
        except urllib.error.URLError as error:
            raise EndpointError(f"{error}\n" + "\n".join(self.lines())) from None

    def lines(self) -> list[str]:
        done = subprocess.run(["docker", "logs", self.container], capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).splitlines()[-LAST_LINES:]


class DockerLauncher:
    """Serves endpoints; training jobs are SageMaker's."""

    def train(
        self, spec: TrainingSpec, *, on_line: Callable[[str, str], None], heard_all: Callable[[], bool] = lambda: True
    ) -> JobResult:
        raise CloudError("a training job needs SageMaker, or its emulator")

    @contextmanager
    def serving(self, spec: EndpointSpec) -> Iterator[DockerEndpoint]:
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(spec.archive) as archive:
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(folder)
            os.chmod(folder, 0o755)
            settings = [part for name, value in spec.environment.items() for part in ("--env", f"{name}={value}")]
            mount, port = f"{folder}:/opt/ml/model:ro", "127.0.0.1::8080"
            container = docker(
                "run", "--detach", "--label", LABEL, "--volume", mount, "--publish", port, *settings, IMAGE
            )
            try:
                yield self._in_service(container, spec.start_up_seconds)
            finally:
                docker("rm", "--force", container)

    @staticmethod
    def _in_service(container: str, seconds: float) -> DockerEndpoint:
        address = docker("port", container, "8080/tcp").splitlines()[0]
        endpoint = DockerEndpoint(container, f"http://{address}")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint.url}/ping", timeout=5) as answer:
                if answer.status == 200:
                    return endpoint
            state = json.loads(docker("inspect", "--format", "{{json .State}}", container))
            if not state["Running"]:
                break
            time.sleep(1)
        raise EndpointError("the container did not come into service\n" + "\n".join(endpoint.lines()))


def left() -> list[str]:
    """The containers of these tests that are still there."""
    return docker("ps", "--all", "--quiet", "--filter", f"label={LABEL}").split()
