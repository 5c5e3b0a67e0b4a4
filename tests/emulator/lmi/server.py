"""A stand-in for the model server of the LMI images.

It reads serving.properties, loads model.py, and answers /ping and /invocations. It serves Python handlers
(`engine=Python`, and `DeepSpeed` or `MPI` with a model.py of their own). Like DJL Serving it starts maxWorkers
processes for each group of tensor_parallel_degree GPUs, or for each single GPU without that option; requests go to one
after the other, one at a time. It is neither fast nor parallel: it shows that a handler is called as it would be.
"""

from __future__ import annotations

import importlib.util
import itertools
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from djl_python import Input, Output

GPUS = "LLM_CLAIMS_EMULATED_GPUS"
"""The variable that says how many GPUs the machine would have."""


def model_folder() -> Path:
    """Where the model is: /opt/ml/model, which is the working folder's `model` in every sandbox."""
    return Path.cwd() / "model"


def properties(folder: Path) -> dict[str, str]:
    """What serving.properties and the OPTION_ variables say, without the `option.` before names. Variables win."""
    found: dict[str, str] = {}
    path = folder / "serving.properties"
    for line in path.read_text().splitlines() if path.exists() else []:
        name, equals, value = line.partition("=")
        if equals and not name.lstrip().startswith("#"):
            found[name.strip().removeprefix("option.")] = value.strip()
    found |= {
        name.removeprefix("OPTION_").lower(): value for name, value in os.environ.items() if name.startswith("OPTION_")
    }
    return {"device_id": "-1", **found, "model_dir": str(folder)}


def visible_gpus(options: dict[str, str]) -> Iterator[str | None]:
    """CUDA_VISIBLE_DEVICES for each worker, as DJL Serving sets it: without tensor parallelism not at all."""
    gpus, degree = int(os.environ.get(GPUS, "0")), int(options.get("tensor_parallel_degree", "0"))
    if gpus and degree > gpus:
        raise SystemExit(f"GPU devices are not enough to run {degree} partitions.")
    for number in range(max(1, gpus // max(1, degree))):
        group = ",".join(map(str, range(number * degree, (number + 1) * degree))) if gpus and degree else None
        yield from [group] * int(options.get("maxWorkers", "1"))


def load(folder: Path, options: dict[str, str]) -> ModuleType:
    """Import the handler from the model's folder."""
    script = folder / options.get("entryPoint", options.get("entrypoint", "model.py"))
    if not script.is_file():
        raise SystemExit(f"{script.name} is not in the model archive: this stand-in serves Python handlers only")
    sys.path.insert(0, str(folder))
    os.chdir(folder)
    specification = importlib.util.spec_from_file_location(script.stem, script)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[script.stem] = module
    specification.loader.exec_module(module)
    return module


class Model:
    """The loaded handler: `handle(Input) -> Output`, called once with an empty input, and then for each request."""

    def __init__(self, folder: Path, options: dict[str, str]) -> None:
        self._module = load(folder, options)
        self._handler = options.get("handler", "handle")
        first = self._call(Input(options))
        if first is not None and first.code >= 300:
            raise SystemExit(f"the handler did not start: {first.body().decode(errors='replace')}")

    def _call(self, request: Input) -> Output | None:
        answer = getattr(self._module, self._handler)(request)
        if answer is not None and not isinstance(answer, Output):
            raise TypeError(f"{self._handler} returned {type(answer).__name__}, not Output")
        return answer

    def answer(self, body: bytes, headers: dict[str, str]) -> Output:
        try:
            return self._call(Input(headers, body)) or Output(204, "No content")
        except Exception as problem:  # the handler's error is the client's answer
            traceback.print_exc()
            return Output().error(str(problem), message="invoke handler failure")


def work(folder: Path, options: dict[str, str], gpus: str | None, pipe: Any) -> None:
    """One worker: load the handler, say so, and answer until the server is gone."""
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus
    model = Model(folder, options)
    pipe.send("ready")
    while True:
        output = model.answer(*pipe.recv())
        kind = next((v for name, v in output.properties.items() if name.lower() == "content-type"), "application/json")
        pipe.send((output.code, output.body(), kind))


class Workers:
    """The processes that hold the model; requests go to one after the other."""

    def __init__(self, folder: Path) -> None:
        options = properties(folder)
        print(f"engine={options.get('engine', 'Python')} options={options}", flush=True)
        if (folder / "requirements.txt").exists():
            print("requirements.txt is not installed here: what is missing is missing", flush=True)
        # By fork: what a worker prints and starts is this container's.
        context = multiprocessing.get_context("fork")
        self._pipes = []
        for gpus in visible_gpus(options):
            here, there = context.Pipe()
            context.Process(target=work, args=(folder, options, gpus, there), daemon=False).start()
            there.close()
            self._pipes.append(here)
        try:
            for pipe in self._pipes:
                pipe.recv()
        except EOFError:
            raise SystemExit("a worker did not start") from None
        self._turn = itertools.cycle(self._pipes)
        self._lock = threading.Lock()

    def answer(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, str]:
        with self._lock:
            try:
                pipe = next(self._turn)
                pipe.send((body, headers))
                code, content, kind = pipe.recv()
                return int(code), bytes(content), str(kind)
            except (EOFError, OSError):
                return 500, b"the worker died", "text/plain"


class Handler(BaseHTTPRequestHandler):
    """The two paths that SageMaker asks for."""

    model: Workers

    def do_GET(self) -> None:
        self._send(200 if self.path == "/ping" else 404, b"", "text/plain")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/invocations":
            return self._send(404, b"", "text/plain")
        headers = {name.lower(): value for name, value in self.headers.items()}
        code, content, kind = self.model.answer(body, headers)
        return self._send(code, content, kind)

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        if not self.path.startswith("/ping"):
            print(format % args, flush=True)


def main() -> None:
    Handler.model = Workers(model_folder())
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler)
    print("Model server started.", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
