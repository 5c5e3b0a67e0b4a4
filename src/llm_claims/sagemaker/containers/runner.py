"""The command of a training job: feeds the requests of ``requests.jsonl`` to a program, and logs what it answers.

Run as ``python runner.py`` on every machine of the job, in the folder that came as source code. Each machine starts the
program and feeds it the same requests; the program learns from ``LLM_CLAIMS_NODES``, ``LLM_CLAIMS_NODE_RANK`` and
``LLM_CLAIMS_MASTER`` how many machines there are, which one it is on, and which one is the first. Python 3.8 syntax.
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
    """Return what the program has to know of the job's machines, as environment variables."""
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
        # Without it, NCCL and gloo may take a bridge of the container's host for the network.
        found.update(NCCL_SOCKET_IFNAME=interface, GLOO_SOCKET_IFNAME=interface)
    return found


def install_missing(requirements: str) -> None:
    """Install what the image lacks of the packages that the program imports; one ``module package`` a line."""
    from importlib.util import find_spec

    wanted = []
    with open(requirements, encoding="utf-8") as lines:
        for line in lines:
            module, _, package = line.strip().partition(" ")
            if module and find_spec(module) is None:
                wanted.append(package)
    if wanted:
        print(f"installing what this image lacks: {' '.join(wanted)}", file=sys.stderr, flush=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *wanted], check=True)


def messages(requests: Sequence[Mapping[str, Any]], environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the program's words: that it stands, then its answer to each request; the last words of one that died."""
    from llm_claims.sagemaker.containers.commands import command_of
    from llm_claims.sagemaker.containers.pipe import Pipe, ProgramEnded

    pipe = Pipe(command_of(environment), environment, HERE)
    asked: Any = None
    try:
        yield {"ready": pipe.ready()}
        for asked in requests:
            # From here on the log is about this request: what libraries say of the network between the machines.
            yield {"begins": asked}
            yield {"request": asked, "answer": pipe.ask(asked)}
    except ProgramEnded as ended:
        yield {"request": asked, "answer": ended.answer}
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
            # One call a line: what others log meanwhile stays between lines.
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
