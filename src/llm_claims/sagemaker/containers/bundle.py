"""What travels to AWS: the source folder of a job, the archive of an endpoint."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llm_claims.workloads.protocol import Request

PACKAGE = Path(__file__).parents[2]
HERE = Path(__file__).parent
# What every program imports, and what every image runs, the oldest too.
_OF_THE_PACKAGE = ("workloads/", "errors.py")
_OF_CONTAINERS = (
    *("__init__.py", "sagemaker/__init__.py", "sagemaker/containers/", "workloads/__init__.py"),
    *("workloads/processes/__init__.py", "workloads/processes/lifeline.py", "workloads/processes/process.py"),
)

# Module, and what to install where an image has none: the lowest versions that pyproject.toml allows.
_OF_PROGRAMS = {"pydantic": "pydantic>=2.12", "numpy": "numpy>=2.1"}
_OF_TRAINING = {
    "transformers": "transformers>=5",
    "accelerate": "accelerate>=1.10",
    "deepspeed": "deepspeed>=0.19",
    "keras": "keras>=3.10",
}
_OF_2023 = ("transformers==4.28.1", "tokenizers==0.13.3", "accelerate==0.19.0")


def package_files(program: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of the package's files that a program needs; the one for old images needs little."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(_OF_CONTAINERS if program == "document" else (*_OF_THE_PACKAGE, *_OF_CONTAINERS)):
            yield f"llm_claims/{name}", path


def write_job_source(folder: Path, program: str, requests: Iterable[Request]) -> None:
    """Write the source folder of a job: runner, package, requests, and what to install where it is missing."""
    for name, path in package_files(program):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (folder / "runner.py").write_bytes((HERE / "runner.py").read_bytes())
    lines = "".join(json.dumps(_plain(request)) + "\n" for request in requests)
    (folder / "requests.jsonl").write_text(lines, encoding="utf-8")
    wanted = {} if program == "document" else {**_OF_PROGRAMS, **(_OF_TRAINING if program == "train" else {})}
    installs = "".join(f"{module} {package}\n" for module, package in wanted.items())
    if program == "document":
        installs = "".join(f"{one.partition('==')[0]} {one}\n" for one in _OF_2023)
    (folder / "requirements.txt").write_text(installs, encoding="utf-8")


def write_archive(path: Path, program: str, stack: str) -> None:
    """Write ``model.tar.gz``: serving.properties and model.py at its root, the package beside them.

    Equal contents give equal bytes: nothing in it tells when or by whom it was made.
    """
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for name, content in _of_archive(program, stack).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _of_archive(program: str, stack: str) -> Mapping[str, bytes]:
    lmi = HERE / "lmi"
    contents = {
        "serving.properties": (lmi / f"{stack}.properties").read_bytes(),
        "model.py": (lmi / "model.py").read_bytes(),
    }
    if stack == "document":
        contents["requirements.txt"] = "".join(f"{one}\n" for one in _OF_2023).encode()
    return contents | {name: path.read_bytes() for name, path in package_files(program)}


def _plain(request: Request) -> dict[str, object]:
    plain: dict[str, object] = request.model_dump(exclude_none=True)
    return plain
