"""A miniature document, its suite and its recording, for tests that run pytest inside a test."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from . import fake_program

Json = dict[str, Any]
Case = tuple[str, str, str]

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
PROGRAM = HERE / "fake_program.py"

# What has nothing to do with what is tested, and costs time in every run: other plugins, and pytest's own comforts.
QUICKLY = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:anyio", "--assert=plain", "--tb=native")

# A worker imports everything for itself, which takes seconds: where it has nothing of its own to do, at night.
ALSO_WITH_WORKERS = pytest.mark.parametrize(
    "workers",
    [pytest.param((), id="alone"), pytest.param(("-n", "2"), id="workers", marks=pytest.mark.slow)],
)

INI = """\
[pytest]
strict = true
claims_cpu_program = {program}
claims_gpu_program = {program}
"""

REGISTER = """\
document = "A miniature document"

[claims.input-costs]
statement = "Longer prompts take longer."

[claims.tokens-double]
statement = "Twice the new tokens take twice as long."

[claims.batch-is-free]
statement = "A batch of eight takes no longer than one prompt."
basis = "implied"

[claims.zero1-faster]
statement = "ZeRO stage 1 trains faster than stage 3."
untestable = { cpu = "the miniature trains nowhere", gpu = "sixteen GPUs: no machine has as many" }
"""
AUTHOR = {"NAME": "A", "EMAIL": "a@example.org", "DATE": "2000-01-01T00:00:00Z"}
COMMIT = "99d3236828b542c9b6508e0d4d9fc79bd1ce2f4d"
"""The commit that `Miniature.commit` makes."""
CLAIMS = ("input-costs", "tokens-double", "batch-is-free", "zero1-faster")

TESTS = """\
import pytest

from llm_claims import Generation, Training, claim, flat, less, ratio


@claim("input-costs", place="table 1")
@pytest.mark.parametrize("new_tokens", [64, 128], ids=["new64", "new128"])
def test_longer_prompts(measure, judge, new_tokens):
    short = measure(Generation(input_tokens=10, new_tokens=new_tokens))
    long = measure(Generation(input_tokens=750, new_tokens=new_tokens))
    judge(less(short.latency_seconds, long.latency_seconds))


@claim("tokens-double", place="table 1")
def test_twice_the_tokens(measure, judge):
    few = measure(Generation(input_tokens=10, new_tokens=64))
    many = measure(Generation(input_tokens=10, new_tokens=128))
    judge(ratio(many.latency_seconds, over=few.latency_seconds, documented=1.96))


@claim("batch-is-free", place="table 2")
def test_batch_of_eight(measure, judge):
    alone, eight = (measure(Generation(api="pipeline", prompts=n, batch_size=n)) for n in (1, 8))
    judge(flat(alone.latency_seconds, eight.latency_seconds, within=0.1, against="rise"))


@claim("zero1-faster", place="run A")
def test_zero1(measure, judge):
    zero1, zero3 = (measure(Training(zero_stage=stage)) for stage in (1, 3))
    judge(ratio(zero3.step_seconds, over=zero1.step_seconds, documented=3.93))
"""

INSTANCE = {
    "gpu": "A10G",
    "gpus": 1,
    "gpu_memory_gib": 24,
    "compute_capability": 8.6,
    "vcpus": 8,
    "host_memory_gib": 32,
    "usd_per_hour": 1.515,
    "price_resolution": 0.001,
    "efa_interfaces": 0,
    "gpudirect_rdma": False,
}
INSTANCES = {"dated": "2026-09-01", "source": "made up", "instances": {"g5.2xlarge": INSTANCE, "g5.xlarge": INSTANCE}}

DEFAULTS: Json = {
    "training": {
        "fields": {"kind": "training", "model": "llama-7b", "precision": "bf16", "ranks": 16},
        "instance": "p4d.24xlarge",
    },
    "generation": {
        "fields": {
            "kind": "generation",
            "model": "llama-7b",
            "precision": "fp16",
            "engine": "deepspeed",
            "api": "generate",
            "tensor_parallel_degree": 1,
            "input_tokens": 10,
            "new_tokens": 128,
        },
        "instance": "g5.2xlarge",
    },
}
PROVENANCE: Json = {"kind": "reported", "hardware": "A10G", "date": "2023-05-15"}

# One line a case, as a person accepted it. Live: the word, and the side; never a timing.
ACCEPTED = {
    "test_longer_prompts[new64-paper]": "reproduced 1.191 [1.186, 1.195]",
    "test_longer_prompts[new128-paper]": "reproduced 1.136 [1.134, 1.139]",
    "test_twice_the_tokens[paper]": "reproduced 1.958 [1.951, 1.964]",
    "test_batch_of_eight[paper]": "contradicted 1.333 [1.308, 1.36]",
    "test_zero1[paper]": "reproduced 3.932 [3.932, 3.932]",
    "test_longer_prompts[new64-cpu]": "reproduced",
    "test_longer_prompts[new128-cpu]": "reproduced",
    "test_twice_the_tokens[cpu]": "reproduced",
    "test_batch_of_eight[cpu]": "contradicted (above the margin)",
}


def printed(value: float, resolution: float, unit: str = "s") -> Json:
    """A figure as a document prints it."""
    return {"unit": unit, "spread": "printed", "samples": [value], "resolution": resolution}


def served(seconds: float, resolution: float = 0.01, **fields: Any) -> Json:
    """The evidence of one request in the document's table."""
    return {
        "workload": {**DEFAULTS["generation"]["fields"], **fields},
        "metrics": {"latency_seconds": printed(seconds, resolution)},
        "provenance": {**PROVENANCE, "instance_type": "g5.2xlarge"},
    }


def trained(zero_stage: int, seconds: float) -> Json:
    """The evidence of one training run of the document."""
    return {
        "workload": {**DEFAULTS["training"]["fields"], "zero_stage": zero_stage},
        "metrics": {
            "train_runtime_seconds": printed(seconds, 0.001),
            "optimizer_steps": {"unit": "steps", "spread": "exact", "samples": [147]},
        },
        "provenance": {**PROVENANCE, "instance_type": "p4d.24xlarge"},
    }


def recording(name: str = "paper", **fields: Any) -> Json:
    """A recording of the miniature document; fresh each time, so that a test may spoil it."""
    whole: Json = {
        "schema_version": 2,
        "name": name,
        "title": "Figures of the miniature document",
        "recorded": "2023-05-15",
        "documented": True,
        "defaults": DEFAULTS,
        "evidence": [
            served(2.36, input_tokens=10, new_tokens=64),
            served(2.81, input_tokens=750, new_tokens=64),
            served(4.62, input_tokens=10, new_tokens=128),
            served(5.25, input_tokens=750, new_tokens=128),
            served(4.5, 0.1, api="pipeline", prompts=1, batch_size=1),
            served(6.0, 0.1, api="pipeline", prompts=8, batch_size=8),
            trained(1, 1595.727),
            trained(3, 6274.353),
        ],
    }
    return copy.deepcopy({**whole, **fields})


def measured_recording(name: str = "h200x2-2026-11") -> Json:
    """The serving part of `recording` as if it had been measured on other hardware, witnesses and all."""
    whole = recording(name, documented=False, measured_on="gpu")
    del whole["defaults"]["training"], whole["defaults"]["generation"]["instance"]
    whole["evidence"] = [entry for entry in whole["evidence"] if entry["workload"]["kind"] == "generation"]
    for entry in whole["evidence"]:
        workload = entry["workload"]
        (latency,) = entry["metrics"]["latency_seconds"].pop("samples")
        entry["metrics"]["latency_seconds"] = {"unit": "s", "spread": "sampled", "samples": spread(latency)}
        entry["rounds"] = [1, 2, 3]
        entry["witness"] = fake_program.witness({"prompts": 1, **workload})
        entry["provenance"] = {"kind": "measured", "hardware": "2 x H200", "date": "2026-11-22"}
    return whole


def spread(latency: float) -> list[float]:
    """Three samples around a latency, alike in every workload: what is common to a round cancels."""
    return [latency, latency * 1.01, latency * 1.02]


class FakeProgram:
    """The live program of a miniature suite: its settings, and the log of what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._settings = folder / "fake.json"
        self._log = folder / "fake.log"
        # Seconds a request, a token of input, a new token; the surcharge of each prompt more in a batch.
        self.costs = {"constant": 0.05, "input": 0.0002, "new": 0.01, "batch": 0.05, "jitter": 0.001}
        self._rules: list[Json] = []
        self._sleep = 0.0
        self._device = "cpu"
        self._spent: dict[str, float] = {}
        self._write()

    @property
    def command(self) -> str:
        """What the ini file names: an interpreter that loads nothing beyond what it must."""
        return shlex.join([sys.executable, "-I", "-S", str(PROGRAM), str(self._settings)])

    def cost(self, **costs: float) -> None:
        """Change how long requests take, by the answers' own account."""
        self.costs.update(costs)
        self._write()

    def sleep(self, seconds: float) -> None:
        """Let every request really take some time."""
        self._sleep = seconds
        self._write()

    def spend(self, **spent: float) -> None:
        """Tell what every request spent its time on."""
        self._spent = spent
        self._write()

    def run_on(self, device: str) -> None:
        """Claim to have run on another device."""
        self._device = device
        self._write()

    def misbehave(self, misdeed: str, *, from_round: int = 1, **when: Any) -> None:
        """Do ``misdeed`` for every workload that has the fields ``when``."""
        self._rules.append({"do": misdeed, "when": when, "from_round": from_round})
        self._write()

    def _write(self) -> None:
        settings = {
            "costs": self.costs,
            "rules": self._rules,
            "sleep": self._sleep,
            "device": self._device,
            "spent": self._spent,
        }
        self._settings.write_text(json.dumps(settings), encoding="utf-8")

    @property
    def log(self) -> list[Json]:
        """Everything all processes of the program logged, in order."""
        if not self._log.exists():
            return []
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    @property
    def requests(self) -> list[Json]:
        """The log's requests."""
        return [entry for entry in self.log if "asked" in entry]

    @property
    def asked(self) -> list[tuple[int, int, int, int]]:
        """Round, input tokens, new tokens and prompts of each request, in order."""
        rounds = [(entry["asked"]["round"], entry["asked"]["workload"]) for entry in self.requests]
        return [(number, one["input_tokens"], one["new_tokens"], one["prompts"]) for number, one in rounds]

    @property
    def pids(self) -> set[int]:
        """Every process of the program, and every child one left."""
        return {entry[name] for entry in self.log for name in ("pid", "child") if name in entry}

    def forget(self) -> None:
        """Empty the log."""
        self._log.unlink(missing_ok=True)


@dataclass
class Miniature:
    """A suite in a folder of its own; its files may be changed before it is run."""

    path: Path
    program: FakeProgram
    pytester: pytest.Pytester | None = None

    def run(self, *arguments: str) -> pytest.RunResult:
        """Run pytest in this process."""
        assert self.pytester is not None
        return self.pytester.runpytest_inprocess(*QUICKLY, *arguments)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start pytest in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", *QUICKLY, *arguments],
            cwd=self.path,
            env={"LLM_CLAIMS_LOCK": str(self.path / "timing.lock"), **os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A shell's background job ignores SIGINT, and hands that down to whatever it starts.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        )

    def run_apart(self, *arguments: str, timeout: float = 60) -> pytest.RunResult:
        """Run pytest in a process of its own, to its end."""
        started = time.monotonic()
        process = self.start(*arguments)
        out, err = process.communicate(timeout=timeout)
        lines = out.splitlines(), err.splitlines()
        return pytest.RunResult(process.returncode, *lines, time.monotonic() - started)

    def write(self, name: str, text: str) -> Path:
        """Write one file of the suite."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def commit(self) -> None:
        """Make the suite's folder a repository with one empty commit, which is always the same."""
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER") for what, value in AUTHOR.items()}
        for words in ("init -q", "commit -q --allow-empty -m A"):
            subprocess.run(["git", *words.split()], cwd=self.path, env={**os.environ, **who}, check=True)

    def write_recording(self, whole: Mapping[str, Any] | None = None, name: str | None = None) -> Path:
        """Write a recording where the suite finds it; ``name`` is another path within the suite."""
        whole = recording() if whole is None else whole
        return self.write(name or f"fixtures/recordings/{whole['name']}.json", json.dumps(whole, indent=1))

    def write_test(self, body: str, name: str = "test_claims.py") -> Path:
        """Write a test module that has every public name of llm_claims."""
        return self.write(name, f"import pytest\nfrom llm_claims import *\n\n{body}")

    def accept(self, lines: Mapping[str, str], name: str = "test_claims") -> Path:
        """Write the accepted verdicts of one test module."""
        entries = "".join(f"# name: {case}\n  {line}\n# ---\n" for case, line in sorted(lines.items()))
        return self.write(f"__snapshots__/{name}.ambr", f"# serializer version: 1\n{entries}")

    def accepted(self, name: str = "test_claims") -> dict[str, str]:
        """Read the accepted verdicts back."""
        text = (self.path / "__snapshots__" / f"{name}.ambr").read_text(encoding="utf-8")
        entries = [entry.strip().splitlines() for entry in text.split("# name: ")[1:]]
        return {case: line.strip() for case, line, *_ in entries}

    def rows(self, report: str = "report") -> dict[Case, Json]:
        """The rows of the last run, of the whole suite or of a part, by claim, case and source."""
        whole, part = (self.path / report / where / "verdicts.json" for where in ("", "part"))
        last = max((path for path in (whole, part) if path.exists()), key=lambda path: path.stat().st_mtime_ns)
        rows: Iterable[Json] = json.loads(last.read_text(encoding="utf-8"))
        return {(row["claim"], row["case"], row["source"]): row for row in rows}

    def words(self, source: str) -> dict[tuple[str, str], str]:
        """The verdicts of one source in the last run by claim and case."""
        return {(claim, case): row["verdict"] for (claim, case, at), row in self.rows().items() if at == source}


def assert_refused(result: pytest.RunResult, *words: str) -> None:
    """Pytest said these words, and nothing but words, and ended as for a usage error."""
    said = result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR, f"{result.ret!r}\n{result.stdout.str()}\n{said}"
    assert said.startswith("ERROR: ")
    for word in words:
        assert word in said
    assert "Traceback" not in said + result.stdout.str()


def lives(pid: int) -> bool:
    """Whether a process is there, and has not only ended unnoticed by its parent."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ids(result: pytest.RunResult) -> list[str]:
    """The cases that ``--collect-only -q`` lists: the test's name, and its parameters."""
    return [line.partition("::")[2] for line in result.outlines if "::" in line]


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """The outcome of each case, in a run with ``-v``."""
    found = (re.match(r"\S+::(\S+) (PASSED|FAILED|SKIPPED|XFAIL|ERROR)\b", line) for line in result.outlines)
    return {match[1]: match[2].lower() for match in found if match}


def build(path: Path, pytester: pytest.Pytester | None = None) -> Miniature:
    """Write a whole miniature suite, with its verdicts accepted."""
    suite = Miniature(path, FakeProgram(path), pytester)
    suite.write("fixtures/claims.toml", REGISTER)
    suite.write("fixtures/instances.json", json.dumps(INSTANCES))
    suite.write("test_claims.py", TESTS)
    suite.write("pytest.ini", INI.format(program=suite.program.command))
    suite.write_recording()
    suite.accept(ACCEPTED)
    return suite
