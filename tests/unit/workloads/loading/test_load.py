"""The loading program: what it measures, that its cap bites, and that its witness tells what was not as asked.

One program with a small stand-in serves most tests, in a fork of a process that has imported its libraries. Each test
may have its loads go wrong by a few lines of code, which the child runs where it would load.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from scripts import is_so
from warm import Fork, Forker, Warm, line_of

from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.loading import program as load
from llm_claims.workloads.loading.workload import Loading
from llm_claims.workloads.protocol import Answer
from llm_claims.workloads.training.workload import Training
from llm_claims.workloads.witness import Witness

MODEL = "llama-42m"
WEIGHTS = 42_082_816
WEIGHT_BYTES = 2 * WEIGHTS
PROGRAM = """
from pathlib import Path
from llm_claims.workloads.loading import checkpoint
from llm_claims.workloads.loading import program as load
from llm_claims.workloads.loading import child as loading

load.MODELS += ("llama-42m",)
checkpoint.SHAPES["llama-42m"] = checkpoint.SHAPES["llama-270m"] | {
    "hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8,
    "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 16000,
}
plain = loading.load
def faulty(workload, checkpoint):
    names = {"load": plain, "workload": workload, "checkpoint": checkpoint}
    exec(Path(FAULT).read_text(), names)
    return names["model"]
loading.load = faulty
raise SystemExit(load.main())
"""
NO_FAULT = "model = load(workload, checkpoint)"
ASKED = Loading(model=MODEL, precision="fp16", engine="transformers", model_server=False, checkpoint="bin")

Load = Callable[..., Answer]

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
needs_cgroup = pytest.mark.skipif(memory_cap.missing() is not None, reason=str(memory_cap.missing()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("load")


@pytest.fixture(scope="module")
def program(warm: Warm, folder: Path) -> Iterator[Fork]:
    one = warm.fork(PROGRAM.replace("FAULT", repr(str(folder / "fault.py"))))
    assert set(one.ready().software) == {"python", *load.PACKAGES}
    yield one
    one.hang_up()
    assert is_so(lambda: not one.family())
    assert left_by(one) == []


def left_by(program: Fork) -> list[Path]:
    # PyTorch keeps a cache of its own there.
    return [path for path in program.temporary if path.name.startswith("llm-claims-")]


@pytest.fixture
def loaded(program: Fork, folder: Path) -> Load:
    def ask(fault: str = NO_FAULT, **changes: Any) -> Answer:
        (folder / "fault.py").write_text(fault)
        return program.ask(asked(**changes))

    return ask


def asked(**changes: Any) -> Loading:
    return Loading.model_validate({**ASKED.model_dump(), **changes})


def witness_of(answer: Answer) -> Witness:
    assert answer.witness is not None
    return answer.witness


def wrong(answer: Answer, **changes: Any) -> list[str]:
    """The fields of the witness that differ from what was asked."""
    return [found.partition(":")[0] for found in differences(asked(**changes), answer.witness)]


@pytest.mark.parametrize(
    "changes",
    [
        {"low_cpu_mem_usage": True, "device_map": "auto"},
        {"low_cpu_mem_usage": False, "checkpoint": "safetensors"},
        {"engine": "accelerate", "device_map": "auto"},
        {"engine": "deepspeed", "precision": "bf16"},
        {"model_server": True},
    ],
    ids=["arguments", "safetensors", "accelerate", "deepspeed", "server"],
)
def test_the_witness_has_everything_the_workload_states(loaded: Load, changes: dict[str, Any]) -> None:
    answer = loaded(**changes)
    seen = witness_of(answer)
    assert answer.outcome.kind == "completed", answer.outcome
    assert wrong(answer, **changes) == []
    assert (seen.device, seen.parameters, seen.host_memory_to_weights) == ("cpu", WEIGHTS, None)
    for name in ("low_cpu_mem_usage", "device_map"):
        assert getattr(seen, name) == changes.get(name)
    assert 50e6 < answer.metrics["peak_host_memory_bytes"] < 2e9
    assert answer.spent is not None
    assert answer.spent.measuring_seconds > 0


def test_the_peak_has_what_loading_allocates(loaded: Load) -> None:
    plain = loaded().metrics["peak_host_memory_bytes"]
    # Held for a while: memory is looked at every few milliseconds, and later where the machine is busy.
    copy = f"import time, torch; held = torch.ones({WEIGHT_BYTES}, dtype=torch.uint8); time.sleep(0.3); del held, model"
    copied = loaded(f"{NO_FAULT}; {copy}; {NO_FAULT}")
    added = copied.metrics["peak_host_memory_bytes"] - plain
    assert 0.9 * WEIGHT_BYTES < added < 1.2 * WEIGHT_BYTES


OTHER = "model = load(workload.model_copy(update={update}), checkpoint)"


@pytest.mark.parametrize(
    ("fault", "changes", "fields"),
    [
        (
            OTHER.format(update={"low_cpu_mem_usage": True, "device_map": None}),
            {"low_cpu_mem_usage": False, "device_map": "auto"},
            ["low_cpu_mem_usage", "device_map"],
        ),
        (f"{NO_FAULT}.bfloat16()", {}, ["weight_dtypes"]),
        (OTHER.format(update={"engine": "transformers"}), {"engine": "accelerate", "device_map": "auto"}, ["engine"]),
        (
            # The same files under another folder, and none of them opened where they should be.
            "import os, shutil, dataclasses\n"
            "copy = shutil.copytree(checkpoint.folder, '{folder}/llama-other', copy_function=os.link)\n"
            "model = load(workload, dataclasses.replace(checkpoint, folder=copy))",
            {},
            ["model", "checkpoint"],
        ),
    ],
    ids=["arguments", "dtype", "engine", "files"],
)
def test_what_was_not_as_asked_shows(
    loaded: Load, tmp_path: Path, fault: str, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = loaded(fault.replace("{folder}", str(tmp_path)), **changes)
    assert answer.outcome.kind == "completed", answer.outcome
    assert wrong(answer, **changes) == fields


@pytest.mark.parametrize(
    ("fault", "capped", "signature"),
    [
        ("raise RuntimeError('DefaultCPUAllocator: not enough memory')", False, "RuntimeError: DefaultCPUAllocator: "),
        ("raise MemoryError", True, "MemoryError"),
        ("import os; os.kill(os.getpid(), 9)", True, "the loading process ended: killed by SIGKILL"),
        (f"{NO_FAULT}; model.lm_head.weight.data[7, 9] += 1", False, "RuntimeError: the weights in memory are not "),
        (
            "import os, shutil, dataclasses; shutil.copytree(checkpoint.folder, '{folder}/c')\n"
            "os.truncate('{folder}/c/pytorch_model-00002-of-00006.bin', 1_000_000)\n"
            "model = load(workload, dataclasses.replace(checkpoint, folder='{folder}/c'))",
            False,
            "RuntimeError: PytorchStreamReader failed",
        ),
    ],
    ids=["allocator", "memory-error", "killed", "changed", "damaged"],
)
def test_what_went_wrong_is_a_failure_and_never_a_want_of_memory(
    loaded: Load, tmp_path: Path, fault: str, capped: bool, signature: str
) -> None:
    cap = {"host_memory_to_weights": 1.185} if capped and not memory_cap.missing() else {}
    answer = loaded(fault.replace("{folder}", str(tmp_path)), **cap)
    assert answer.outcome.kind == "failed"
    assert answer.outcome.signature is not None
    assert answer.outcome.signature.startswith(signature)
    assert answer.metrics == {}


@needs_cgroup
def test_a_load_that_fits_completes_and_sees_its_cap(loaded: Load) -> None:
    changes = {"host_memory_to_weights": 1.185, "model_server": True, "checkpoint": "safetensors"}
    answer = loaded(**changes)
    assert answer.outcome.kind == "completed", answer.outcome
    assert wrong(answer, **changes) == []
    assert witness_of(answer).host_memory_to_weights == 1.185


HOLDING = f"{NO_FAULT}; import torch; held = torch.ones(int({WEIGHT_BYTES} * {{times}}), dtype=torch.uint8)"


@needs_cgroup
@pytest.mark.parametrize(
    ("times", "model_server", "ending"),
    [
        (2, False, "out_of_memory"),
        (1.05, False, "completed"),  # the budget is not eaten up by what stood before
        (1.15, True, "out_of_memory"),  # the server's heap, 0.074 times the weights, comes out of it
    ],
)
def test_the_cap_bites_where_it_is(loaded: Load, times: float, model_server: bool, ending: str) -> None:
    answer = loaded(HOLDING.format(times=times), host_memory_to_weights=1.185, model_server=model_server)
    assert answer.outcome.kind == ending, answer.outcome
    if ending == "out_of_memory":
        before, _, after = str(answer.outcome.signature).partition(" MB: ")
        assert before.startswith("killed by the kernel at ")
        assert after == "memory cgroup limit, oom_kill 1"
        assert (answer.metrics, witness_of(answer).host_memory_to_weights) == ({}, 1.185)


CHARGED = f"""
from llm_claims.workloads.loading import memory_cap
from llm_claims.workloads.loading.checkpoint import checksum
{NO_FAULT}
for weights in model.parameters():
    checksum(weights)
place, names = next(memory_cap._places())
counts = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
raise RuntimeError(counts.get("mapped_file") or counts.get("file_mapped"))
"""


@needs_cgroup
def test_the_pages_of_the_checkpoint_are_charged_to_who_loads_it(loaded: Load, folder: Path) -> None:
    device = folder.stat().st_dev
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if line.split()[2] == f"{os.major(device)}:{os.minor(device)}" and " - tmpfs " in line:
            pytest.skip("files in memory cannot be dropped from memory")
    answer = loaded(CHARGED, host_memory_to_weights=2.37)
    kind, _, size = str(answer.outcome.signature).partition(": ")
    assert kind == "RuntimeError"
    assert int(size) > 0.9 * WEIGHT_BYTES


@pytest.mark.parametrize(
    ("workload", "reason"),
    [
        (Training(), "runs loading, not training"),
        (Generation(), "runs loading, not generation"),
        (asked(model="llama-7b"), "no model 'llama-7b'; choose from llama-270m"),
        (asked(precision="fp32"), "no checkpoint in 'fp32'; choose from fp16, bf16"),
        (asked(engine="fastertransformer"), "no engine 'fastertransformer'"),
        (asked(engine="deepspeed-kernel-injection"), "no engine 'deepspeed-kernel-injection'"),
        (asked(engine="accelerate"), "device_map is open"),
        *((asked(**{name: None}), f"{name} is open") for name in load._STATED),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(workload: Workload, reason: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(load, "MODELS", (*load.MODELS, MODEL))
        with pytest.raises(load.UnsupportedWorkload) as caught:
            load.supported(workload)
    assert reason in str(caught.value).replace(f", {MODEL}", "")


def test_a_cap_that_cannot_be_made_is_refused_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "MODELS", (*load.MODELS, MODEL))
    monkeypatch.setattr(load, "missing", lambda: memory_cap.NEEDED)
    assert load.supported(ASKED) == ASKED
    with pytest.raises(load.UnsupportedWorkload, match=r"needs a memory cgroup \(root\)"):
        load.supported(asked(host_memory_to_weights=1.0))


@pytest.mark.parametrize(
    ("names", "form"),
    [
        (set(), None),
        ({"config.json", "model.safetensors.index.json"}, None),
        ({"config.json", "a-1.bin", "a-2.bin"}, "bin"),
        ({"a-1.bin", "b-1.safetensors"}, "bin+safetensors"),
    ],
)
def test_the_form_is_that_of_the_shards_that_were_opened(names: set[str], form: str | None) -> None:
    assert load._forms(frozenset(names)) == form


def caps_with(pid: int) -> list[Path]:
    """The caps that a process is in; other tests may have theirs at the same time."""
    caps = [path for place, _ in memory_cap._places() for path in place.glob("llm-claims-*")]
    return [path for path in caps if str(pid) in procs(path)]


def procs(cap: Path) -> list[str]:
    with suppress(OSError):
        return (cap / "cgroup.procs").read_text().split()
    return []


def test_it_ends_with_its_input_and_leaves_nothing(fork: Forker) -> None:
    one = fork(PROGRAM)
    one.ready()
    assert len(left_by(one)) == 1
    one.hang_up()
    assert is_so(lambda: not one.family())
    assert left_by(one) == []


def test_a_program_with_threads_refuses_to_fork(fork: Forker) -> None:
    one = fork(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n" + PROGRAM
    )
    assert one.hear() == ""
    assert "this process has 2 threads, and only one with a single thread can be forked" in one.errors


# Last in this file: it ends the program that the other tests use.
def test_a_hung_load_leaves_nothing_behind(program: Fork, folder: Path) -> None:
    cap = None if memory_cap.missing() else 1.185
    # Not even one that has left the group that is killed.
    fault = f"import os, time; os.setpgid(0, 0); open('{folder}/hung', 'w').close(); time.sleep(60)"
    (folder / "fault.py").write_text(fault)
    program.say(line_of(asked(model_server=True, host_memory_to_weights=cap)))
    assert is_so((folder / "hung").exists)
    caps = [path for pid in program.family() for path in caps_with(pid)]
    assert len(caps) == (0 if cap is None else 2), "the server, and the child that hangs"
    os.killpg(program.pid, signal.SIGKILL)  # as its caller does when it waits no longer
    assert program.hear() == ""
    assert is_so(lambda: not program.family())
    assert is_so(lambda: not any(path.exists() for path in caps))
    assert is_so(lambda: left_by(program) == [])
