from __future__ import annotations

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from llm_claims.sagemaker.containers.bundle import package_files, write_archive, write_job_source
from llm_claims.workloads.protocol import Request
from llm_claims.workloads.training.workload import Training


@pytest.mark.parametrize(("program", "kind"), [("train", "training"), ("generate", "generation"), ("load", "loading")])
def test_a_program_finds_all_it_imports_in_what_travels(tmp_path: Path, program: str, kind: str) -> None:
    write_job_source(tmp_path, program, [Request(workload=Training(), round=1, seed=1)])
    # -S would hide pydantic; -I and a finder that refuses the checkout leave only what travelled.
    code = (
        "import sys; sys.meta_path = [one for one in sys.meta_path if 'editable' not in repr(one).lower()];"
        f"sys.path[:] = [{str(tmp_path)!r}] + [one for one in sys.path if not one.endswith('/src')];"
        f"import llm_claims.workloads.{kind}.program as found; print(found.__file__)"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.stdout.startswith(str(tmp_path)), done.stderr


def test_programs_travel_and_nothing_that_launches_or_judges() -> None:
    names = {name for name, _ in package_files("train")}
    rooms = {name.removeprefix("llm_claims/").rpartition("/")[0].partition("/")[0] for name in names}
    assert rooms == {"", "workloads", "sagemaker"}
    assert {name for name in names if "sagemaker/" in name and "sagemaker/containers/" not in name} == {
        "llm_claims/sagemaker/__init__.py"
    }
    assert "llm_claims/sagemaker/containers/pipe.py" in names


@pytest.mark.parametrize(
    ("program", "stack"), [("generate", "current"), ("document", "document"), ("document", "current")]
)
def test_an_archive_has_what_lmi_reads_at_its_root(tmp_path: Path, program: str, stack: str) -> None:
    path = tmp_path / "model.tar.gz"
    write_archive(path, program, stack, 8)
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
        properties = archive.extractfile("serving.properties")
        assert properties is not None
        text = properties.read()
        assert b"engine=Python" in text
        assert b"\noption.tensor_parallel_degree=8\n" in text
    assert {"model.py", "llm_claims/sagemaker/containers/service.py"} <= names
    assert ("requirements.txt" in names) == (stack == "document")
    assert ("llm_claims/workloads/generation/program.py" in names) == (program == "generate")
