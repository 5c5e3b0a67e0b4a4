"""The fingerprint changes with everything that could change live evidence, and tells what."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest
from fake_gpus import H100, H200, put_gpus

from llm_claims.judging import fingerprint
from llm_claims.judging.fingerprint import Fingerprint, fingerprint_of


@pytest.fixture
def program(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "program.py").write_text("print()")
    return (sys.executable, "-S", str(tmp_path / "program.py"))


def test_it_is_the_same_as_long_as_nothing_changes(program: tuple[str, ...]) -> None:
    before, now = fingerprint_of(program, 5), fingerprint_of(program, 5)
    assert now == before
    assert now.changes(since=before) == ""


def test_it_is_the_same_when_it_is_read_back(program: tuple[str, ...]) -> None:
    now = fingerprint_of(program, 5)
    assert Fingerprint.model_validate_json(now.model_dump_json()) == now


def test_versions_and_hardware_are_told_as_they_are() -> None:
    parts = fingerprint_of((), 5).root
    assert parts["python"] == platform.python_version()
    assert parts["processor"].endswith(("core", "cores"))
    assert {"torch", "transformers", "accelerate", "deepspeed", "keras"} <= set(parts)


def test_what_is_not_installed_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of((), 5)
    monkeypatch.setattr(fingerprint, "DISTRIBUTIONS", (*fingerprint.DISTRIBUTIONS, "no-such-distribution"))
    assert fingerprint_of((), 5).root["no-such-distribution"] == ""
    assert Fingerprint({**before.root, "numpy": ""}).changes(since=before).startswith("numpy was ")
    assert Fingerprint({**before.root, "numpy": ""}).changes(since=before).endswith(" and is absent")


def test_another_program_changes_it(program: tuple[str, ...]) -> None:
    before = fingerprint_of(program, 5)
    Path(program[-1]).write_text("print(1)")
    assert fingerprint_of(program, 5).changes(since=before) == "the files of claims_cpu_program changed"
    Path(program[-1]).write_text("print()")
    assert fingerprint_of(program, 5) == before
    told = fingerprint_of((), 5).changes(since=before)
    assert told.startswith(f"claims_cpu_program was {sys.executable} -S ")
    assert " and is absent, the files of claims_cpu_program changed" in told


def test_another_gpu_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_gpus(tmp_path / "bin", monkeypatch, H100)
    before = fingerprint_of((), 5)
    put_gpus(tmp_path / "bin", monkeypatch, H200, H200)
    told = fingerprint_of((), 5).changes(since=before)
    assert told.startswith("GPUs was 1 × NVIDIA H100 80GB HBM3")
    assert "and is 2 × NVIDIA H200" in told
    put_gpus(tmp_path / "bin", monkeypatch)
    assert fingerprint_of((), 5).changes(since=before).endswith("and is absent")


def test_another_program_for_gpus_changes_it(program: tuple[str, ...]) -> None:
    before = fingerprint_of((), 5, program)
    Path(program[-1]).write_text("print(1)")
    assert fingerprint_of((), 5, program).changes(since=before) == "the files of claims_gpu_program changed"


def test_another_budget_of_rounds_changes_it() -> None:
    assert fingerprint_of((), 6).changes(since=fingerprint_of((), 5)) == "--rounds was 5 and is 6"


@pytest.mark.parametrize("change", ["edit", "add", "rename", "remove"])
def test_any_change_of_the_code_changes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    package = shutil.copytree(fingerprint._PACKAGE, tmp_path / "package", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(fingerprint, "_PACKAGE", package)
    before = fingerprint_of((), 5)
    path = package / "programs" / "generate.py"
    if change == "edit":
        path.write_text(path.read_text("utf-8") + "\n", "utf-8")
    elif change == "add":
        (package / "programs" / "new.py").touch()
    elif change == "rename":
        path.rename(package / "programs" / "generated.py")
    else:
        path.unlink()
    assert fingerprint_of((), 5).changes(since=before) == "the code of llm_claims changed"


def test_where_the_code_lies_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of((), 5)
    package = shutil.copytree(fingerprint._PACKAGE, tmp_path / "package")
    monkeypatch.setattr(fingerprint, "_PACKAGE", package)
    assert fingerprint_of((), 5) == before


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_DYNAMIC", "TORCH_LOGS", "LD_PRELOAD", "KMP_AFFINITY"])
def test_variables_that_steer_libraries_change_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    before = fingerprint_of((), 5)
    monkeypatch.setenv(name, "libno.so")
    assert fingerprint_of((), 5).changes(since=before) == "environment variables changed"


def test_other_variables_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint_of((), 5)
    monkeypatch.setenv("PYTEST_ADDOPTS", "-q")
    monkeypatch.setenv("PWD", "/")
    assert fingerprint_of((), 5) == before


def test_it_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "very-secret")
    assert "very-secret" not in fingerprint_of((), 5).model_dump_json()


def test_every_change_is_told() -> None:
    before = Fingerprint({"python": "3.11", "torch": "2.6", "the code of llm_claims": "a"})
    now = Fingerprint({"python": "3.12", "torch": "2.6", "the code of llm_claims": "b", "keras": "3"})
    assert now.changes(since=before) == (
        "python was 3.11 and is 3.12, the code of llm_claims changed, keras was absent and is 3"
    )
