"""`python -m tests.emulator --port 0 --owner-pid N`: serve until the owner ends. It prints where, as JSON."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from werkzeug.serving import make_server

from tests.emulator import owner
from tests.emulator.app import App
from tests.emulator.world import BUCKET, REGION, ROLE, World

_PREFIX = "llm-claims-emulator-"


def main(arguments: list[str]) -> None:
    asked = _parse(arguments)
    _sweep_dead()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    server = make_server(asked.host, asked.port, _not_ready, threaded=True, request_handler=_quiet_handler())
    url = f"http://{asked.host}:{server.server_port}"
    app = App(World(url, folder, namespaces=not asked.no_namespaces))
    server.app = app
    closing = threading.Lock()

    def end(*_: object) -> None:
        if not closing.acquire(blocking=False):
            return
        app.close()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)

    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=end).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if asked.owner_pid:
        owner.watch(asked.owner_pid, end)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    app.world.furnish()
    print(json.dumps({"url": url, "region": REGION, "role": ROLE, "bucket": BUCKET, "pid": os.getpid()}), flush=True)
    threading.Event().wait()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.emulator", description="SageMaker on one machine.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--owner-pid", type=int, default=0, help="end when this process ends")
    parser.add_argument("--no-namespaces", action="store_true", help="as on a machine where none can be made")
    return parser.parse_args(arguments)


def _sweep_dead() -> None:
    """Remove the folders of emulators that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _quiet_handler() -> type[Any]:
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class Quiet(MotoRequestHandler):
        def log_request(self, *_: object) -> None:
            pass

    return Quiet


def _not_ready(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Not Ready", [])
    return []


if __name__ == "__main__":
    main(sys.argv[1:])
