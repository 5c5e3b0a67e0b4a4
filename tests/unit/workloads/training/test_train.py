"""The training program: what goes wrong is an answer in words, and nothing is left of a run."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from scripts import is_so
from warm import QUICK, Fork, Forker, Train, Warm, line_of, training

from llm_claims.workloads.base import Workload, differences
from llm_claims.workloads.generation.workload import Generation
from llm_claims.workloads.program import answer
from llm_claims.workloads.training import program as program
from llm_claims.workloads.training.base_model import MODELS

TINY: dict[str, Any] = {"samples": 8, "warmup_steps": 0}
PAIR: dict[str, Any] = {"ranks": 2, "samples": 40, "context_tokens": 16, "warmup_steps": 0}


@pytest.mark.parametrize(
    ("workload", "words"),
    [
        (Generation(), "UnsupportedWorkload: this program runs training, not generation"),
        (
            training(model="llama-8b"),
            f"UnsupportedWorkload: no model 'llama-8b'; choose from {', '.join(MODELS)}, "
            "or give a checkpoint: --weights",
        ),
    ],
)
def test_what_it_does_not_run_is_refused_in_words(tmp_path: Path, workload: Workload, words: str) -> None:
    outcome = answer(program.TrainingProgram(tmp_path).run, line_of(workload)).outcome
    assert (outcome.kind, outcome.signature) == ("failed", words)
    assert list(tmp_path.iterdir()) == []


FOREIGN = """
import os
os.environ.update(RANK="3", WORLD_SIZE="4", MASTER_PORT="1", ACCELERATE_MIXED_PRECISION="bf16", TQDM_DISABLE="1")
"""


def test_settings_of_another_run_do_not_count(fork: Forker) -> None:
    one = fork(FOREIGN + QUICK)
    one.ready()
    done = one.ask(training(**TINY))
    assert done.outcome.kind == "completed", done.outcome.signature
    assert differences(training(**TINY), done.witness) == []
    assert "recent_step_seconds" in done.metrics


@pytest.fixture
def quick(fork: Forker) -> Fork:
    """A training program of the test's own."""
    one = fork(QUICK)
    one.ready()
    return one


def test_it_ends_with_its_input_and_leaves_nothing(quick: Fork) -> None:
    assert quick.ask(training(**TINY)).outcome.kind == "completed"
    assert len(quick.temporary) == 1
    assert {path.name for path in quick.temporary[0].iterdir()} == {"llama-tiny"}, "of a run nothing stays"
    quick.hang_up()
    assert is_so(lambda: not quick.family())
    assert quick.temporary == []


def test_libraries_write_to_no_other_folder(tmp_path: Path, fork: Forker) -> None:
    one = fork(f"import os; os.environ['HOME'] = {str(tmp_path)!r}\n{QUICK}")
    one.ready()
    assert one.ask(training(**TINY, logger="keras")).outcome.kind == "completed"
    assert list(tmp_path.iterdir()) == []
    assert len(one.temporary) == 1


@pytest.mark.parametrize("changes", [{}, {"ranks": 2, "samples": 16}, {"logger": "keras"}], ids=["one", "two", "keras"])
def test_it_tells_what_it_spent_its_time_on(train: Train, changes: dict[str, Any]) -> None:
    """With the Trainer, measuring lasts from the end of the first step to that of the last, as step times do."""
    began = monotonic()
    done = train(**{**TINY, "samples": 24, **changes}, again=True)
    passed = monotonic() - began
    assert done.spent is not None, done.outcome.signature
    assert min(done.spent.setup_seconds, done.spent.measuring_seconds) > 0
    assert sum(dict(done.spent).values()) < passed
    if "step_seconds" in done.metrics:
        timed = done.metrics["optimizer_steps"] - 1
        assert done.spent.measuring_seconds >= timed * done.metrics["step_seconds"] > 0
        assert done.spent.compiling_seconds > 0


def test_the_base_model_is_made_once(quick: Fork) -> None:
    quick.ask(training(**TINY))
    (before,) = (path.stat().st_mtime_ns for path in quick.temporary[0].glob("llama-tiny/model.safetensors"))
    quick.ask(training(**TINY, micro_batch=2))
    assert (quick.temporary[0] / "llama-tiny/model.safetensors").stat().st_mtime_ns == before


FAULTY = """
import os
from pathlib import Path
from llm_claims.workloads.training import finetune
plain = finetune.finetune
def faulty(run, base, scratch):
    names = {"os": os, "run": run, "rank": int(os.environ.get("RANK", 0))}
    exec((base.parent / "fault.py").read_text(), names)
    return plain(names["run"], base, scratch)
finetune.finetune = faulty
"""


@pytest.fixture(scope="module")
def faulty(warm: Warm) -> Iterator[Fork]:
    """A training program whose ranks run what is in its file ``fault.py`` before they train."""
    one = warm.fork(FAULTY + QUICK)
    one.ready()
    yield one
    one.hang_up()


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("rank == 1 and [][1]", "RankError: rank 1: IndexError: list index out of range; its last lines:\n"),
        ("rank == 1 and os.kill(os.getpid(), 9)", "RankError: rank 1: killed by SIGKILL"),
        (
            "run = run.model_copy(update={'learning_rate': 0.01 * (1 + rank)})",
            "RankError: ranks 0 and 1 saw different runs: learning_rate: 0.01 and 0.02",
        ),
        (
            "run = run.model_copy(update={'learning_rate': 1e30})",
            "RankError: rank 0: ValidationError: metrics.step_losses: Input should be a finite number",
        ),
    ],
    ids=["raises", "killed", "disagree", "diverges"],
)
def test_a_rank_that_fails_is_an_answer_and_the_program_lives_on(faulty: Fork, fault: str, words: str) -> None:
    (folder,) = faulty.temporary
    (folder / "fault.py").write_text(fault)
    outcome = faulty.ask(training(**PAIR)).outcome
    assert outcome.kind == "failed"
    assert str(outcome.signature).replace("rank 1: Val", "rank 0: Val").startswith(words)
    (folder / "fault.py").write_text("")
    assert faulty.ask(training(**TINY)).outcome.kind == "completed"
    assert {path.name for path in folder.iterdir()} == {"llama-tiny", "fault.py"}


def test_a_base_model_that_fails_is_an_answer_and_tried_again(fork: Forker) -> None:
    patch = """
from llm_claims.workloads.training import base_model, run
base_model.SHAPES["bad"] = {**base_model.SHAPES["llama-tiny"], "hidden_size": 65}
base_model.MODELS = run.MODELS = (*run.MODELS, "bad")
"""
    one = fork(patch + QUICK)
    one.ready()
    for _ in range(2):
        outcome = one.ask(training(**TINY, model="bad")).outcome
        assert str(outcome.signature).startswith("RankError: rank 0: ")
        assert list(one.temporary[0].iterdir()) == []


Disk = Callable[..., Path]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A small disk of its own."""
    mounted: list[Path] = []

    def mount(**options: object) -> Path:
        path = tmp_path / f"disk{len(mounted)}"
        path.mkdir()
        stated = ",".join(f"{name}={value}" for name, value in options.items())
        command = ["mount", "-t", "tmpfs", "-o", stated, "tmpfs", str(path)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("needs to mount a disk (root)")
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


FULL = os.strerror(errno.ENOSPC)


@pytest.mark.parametrize("options", [{"size": "8k"}, {"size": "100k"}, {"nr_inodes": 8}], ids=lambda one: str(one))
def test_a_full_disk_is_told_in_words(fork: Forker, disk: Disk, options: dict[str, object]) -> None:
    one = fork(QUICK, temporary=disk(**options))
    one.ready()
    outcome = one.ask(training(**PAIR)).outcome
    assert outcome.kind == "failed"
    assert FULL in str(outcome.signature).partition("\n")[0]
    assert "Traceback" not in str(outcome.signature)


def test_that_no_folder_can_be_made_is_told_in_words(fork: Forker) -> None:
    refuse = """
from llm_claims.workloads.processes.janitor import Janitor
def new_folder(self, prefix):
    raise OSError(28, os.strerror(28), prefix)
Janitor.new_folder = new_folder
"""
    one = fork(f"import os\n{refuse}\n{QUICK}")
    assert one.hear() == ""
    assert is_so(lambda: not one.family())
    assert one.errors == f"no temporary folder can be made: [Errno 28] {FULL}: 'llm-claims-train-'\n"


def test_files_that_may_not_grow_are_told_in_words(fork: Forker) -> None:
    limit = f"import resource; resource.setrlimit({resource.RLIMIT_FSIZE}, (100_000, 100_000))\n"
    one = fork(limit + QUICK)
    one.ready()
    outcome = one.ask(training(**TINY)).outcome
    assert os.strerror(errno.EFBIG) in str(outcome.signature).partition("\n")[0]
    assert "Traceback" not in str(outcome.signature)
