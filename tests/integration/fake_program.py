"""A program that serves nothing: it speaks the protocol, with made-up latencies, or misbehaves as it is told.

It imports nothing but the standard library, so that it starts in milliseconds. Its one argument is a JSON
file (see `miniature.FakeProgram`), read again for every request. It logs what it was asked, and when.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
import zlib

TYPE_CHECKING = False  # typing takes as long to import as all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Json = dict[str, Any]

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


def batch_sizes(workload: Json) -> list[int]:
    """The batch sizes that the forward of a pipeline sees for a list of prompts."""
    prompts, size = workload["prompts"], workload.get("batch_size") or 1
    return [min(size, prompts - done) for done in range(0, prompts, size)]


def jitter(request: Json) -> float:
    """A number from -1 to 1 that follows from the request alone."""
    crc = zlib.crc32(json.dumps(request, sort_keys=True).encode())
    return crc / 2**31 - 1


def latency(workload: Json, costs: Json, noise: float) -> float:
    """A latency that follows from the workload: constant, input and output parts, and a surcharge a batch."""
    tokens = costs["input"] * workload["input_tokens"] + costs["new"] * workload["new_tokens"]
    one = costs["constant"] + tokens
    seconds = sum(one * (1 + costs["batch"] * (size - 1)) for size in batch_sizes(workload))
    return float(seconds * (1 + noise * costs["jitter"]))


def witness(workload: Json) -> Json:
    """What an honest run saw of itself."""
    sequences = workload["prompts"]
    return {
        "device": "cpu",
        "model": workload["model"],
        "engine": workload["engine"],
        "api": workload["api"],
        "tensor_parallel_degree": 1,
        "forward_dtypes": [DTYPES[workload["precision"]]],
        "input_tokens": [workload["input_tokens"]] * sequences,
        "new_tokens": [workload["new_tokens"]] * sequences,
        "forward_batch_sizes": sorted(set(batch_sizes(workload))),
        **{name: workload[name] for name in ("cache", "device_memory_gib") if workload.get(name)},
    }


def honest(request: Json, costs: Json) -> Json:
    """A correct answer."""
    workload = request["workload"]
    metrics = {
        "latency_seconds": latency(workload, costs, jitter(request)),
        "new_tokens_per_sequence": workload["new_tokens"],
        "largest_forward_batch": max(batch_sizes(workload)),
    }
    return {"metrics": metrics, "witness": witness(workload)}


def die(_: Json) -> str:
    print("the last words of the fake", file=sys.stderr, flush=True)
    os._exit(3)


def leave_a_child(_: Json) -> str:
    import subprocess

    log({"child": subprocess.Popen(["sleep", "60"]).pid})
    return die(_)


def hang(_: Json) -> str:
    print("the fake falls asleep", file=sys.stderr, flush=True)
    time.sleep(60)
    return ""


def rubbish(_: Json) -> str:
    print("the fake is out of its mind", file=sys.stderr, flush=True)
    return "Loading checkpoint shards: 100%"


def shifted(name: str, value: object) -> Callable[[Json], str]:
    """An answer whose witness saw something else."""

    def lie(answer: Json) -> str:
        answer["witness"][name] = value
        return json.dumps(answer)

    return lie


def metric(name: str, value: float) -> Callable[[Json], str]:
    """An answer with another metric; json writes a NaN as `NaN`, which is no JSON."""

    def lie(answer: Json) -> str:
        answer["metrics"][name] = value
        return json.dumps(answer)

    return lie


def with_memory(answer: Json) -> str:
    """An answer that also has a peak of memory: so many bytes as its latency has nanoseconds."""
    answer["metrics"]["peak_device_memory_bytes"] = 1e9 * answer["metrics"]["latency_seconds"]
    return json.dumps(answer)


def without(*names: str) -> Callable[[Json], str]:
    """An answer that lacks metrics, or the whole witness."""

    def lie(answer: Json) -> str:
        for name in names:
            answer["metrics"].pop(name, None)
            answer.pop(name, None)
        return json.dumps(answer)

    return lie


def fail(_: Json) -> str:
    return json.dumps({"outcome": {"kind": "out_of_memory", "signature": "the fake's memory is full"}})


MISDEEDS: dict[str, Callable[[Json], str]] = {
    "die": die,
    "die-with-child": leave_a_child,
    "hang": hang,
    "rubbish": rubbish,
    "fail": fail,
    "nan": metric("latency_seconds", float("nan")),
    "infinity": metric("latency_seconds", float("inf")),
    "negative": metric("latency_seconds", -1.0),
    "unknown-metric": metric("smell", 1.0),
    "memory": with_memory,
    "no-latency": without("latency_seconds"),
    "no-witness": without("witness"),
    "tokens": shifted("new_tokens", [63]),
    "dtype": shifted("forward_dtypes", ["bfloat16", "float32"]),
    "batch": shifted("forward_batch_sizes", [1]),
    "model": shifted("model", "llama-7b"),
}


def log(entry: Json) -> None:
    """Append one line at once, so that lines of several processes never mix."""
    with open(sys.argv[1].removesuffix("json") + "log", "a", encoding="utf-8") as stream:
        stream.write(json.dumps({"pid": os.getpid(), **entry}) + "\n")


def misdeed(request: Json, rules: list[Json]) -> str | None:
    """The first rule that fits the request: every field it names has the value it names."""
    for rule in rules:
        fits = all(request["workload"].get(name) == value for name, value in rule["when"].items())
        if fits and request["round"] >= rule["from_round"]:
            return str(rule["do"])
    return None


def answer(request: Json, settings: Json) -> str:
    told = misdeed(request, settings["rules"])
    reply = honest(request, settings["costs"])
    reply["witness"]["device"] = settings["device"]
    if settings["spent"]:
        reply["spent"] = settings["spent"]
    return MISDEEDS[told](reply) if told else json.dumps(reply)


def main() -> None:
    print(json.dumps({"hardware": "a fake, 0 cores", "software": {"fake": "1.0"}, "setup_seconds": 0.0}), flush=True)
    log({"ready": time.monotonic()})
    for line in sys.stdin:
        request = json.loads(line)
        with open(sys.argv[1], encoding="utf-8") as stream:
            settings = json.load(stream)
        started = time.monotonic()
        time.sleep(settings["sleep"])
        # Whoever dies or hangs has no end; the request is logged all the same.
        log({"asked": request, "started": started, "ended": time.monotonic()})
        print(answer(request, settings), flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError, KeyboardInterrupt):
        main()
