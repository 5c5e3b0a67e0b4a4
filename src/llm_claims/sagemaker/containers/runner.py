"""The command of a training job: sends the requests in ``requests.jsonl`` to a program, and logs the answers.

SageMaker runs ``python runner.py`` in the folder of the source code, on every machine of the job. Each machine starts
the program and sends it the same requests. The program reads the number of machines, the rank of its own, and the host
name of the first, from ``LLM_CLAIMS_NODES``, ``LLM_CLAIMS_NODE_RANK`` and ``LLM_CLAIMS_MASTER``. Python 3.8 syntax.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
RESOURCES = "/opt/ml/input/config/resourceconfig.json"


def nodes(path: str = RESOURCES) -> dict[str, str]:
    """Return the environment variables that describe the machines of the job to the program."""
    try:
        with open(path, encoding="utf-8") as file:
            given = json.load(file)
    except FileNotFoundError:
        given = {"hosts": ["localhost"], "current_host": "localhost"}
    hosts = sorted(given["hosts"], key=lambda host: (len(host), host))
    found = {
        "LLM_CLAIMS_NODES": str(len(hosts)),
        "LLM_CLAIMS_NODE_RANK": str(hosts.index(given["current_host"])),
        "LLM_CLAIMS_MASTER": hosts[0],
    }
    interface = given.get("network_interface_name")
    if interface and len(hosts) > 1:
        # NCCL and gloo may otherwise choose a network bridge of the host.
        found.update(NCCL_SOCKET_IFNAME=interface, GLOO_SOCKET_IFNAME=interface)
    return found


def install_missing(requirements: str) -> None:
    """Install the packages whose modules the image does not have.

    ``requirements`` is a file with a line ``MODULE PACKAGE`` for each module that the program imports.
    """
    from importlib.util import find_spec

    wanted = []
    with open(requirements, encoding="utf-8") as lines:
        for line in lines:
            module, _, package = line.strip().partition(" ")
            if module and find_spec(module) is None:
                wanted.append(package)
    if wanted:
        print(f"installing packages that this image does not have: {' '.join(wanted)}", file=sys.stderr, flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)


def messages(requests: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield messages for the log: ``ready``, then for each request ``begins`` and its ``answer``.

    If the program dies, the last message is the answer that says so, and the process exits with status 1.
    """
    from llm_claims.sagemaker.containers.commands import command_of
    from llm_claims.sagemaker.containers.pipe import Pipe, ProgramEnded

    pipe = Pipe(command_of(environment), environment, HERE)
    request: Any = None
    try:
        yield {"ready": pipe.ready()}
        for request in requests:
            # The lines between this message and the answer are about this request, such as NCCL's about its transport.
            yield {"begins": request}
            yield {"request": request, "answer": pipe.ask(request)}
    except ProgramEnded as ended:
        yield {"request": request, "answer": ended.answer}
        sys.exit(1)
    finally:
        pipe.close()


def main() -> int:
    """Run the job; return the exit status."""
    sys.path.insert(0, HERE)
    from llm_claims.sagemaker.containers.log_lines import lines_of

    environment = {**os.environ, **nodes(), "PYTHONPATH": HERE, "PYTHONUNBUFFERED": "1"}
    install_missing(os.path.join(HERE, "requirements.txt"))
    with open(os.path.join(HERE, "requests.jsonl"), encoding="utf-8") as lines:
        requests: list[Any] = [json.loads(line) for line in lines]
    for number, message in enumerate(messages(requests, environment), start=1):
        for line in lines_of(number, message):
            # One write for each line, so that the lines of other processes do not mix into it.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
