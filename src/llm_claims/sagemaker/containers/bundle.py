"""Packs what is uploaded to AWS: the source folder of a job, the model archive of an endpoint."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from llm_claims.workloads.protocol import Request

PACKAGE = Path(__file__).parents[2]
HERE = Path(__file__).parent
# Files of the package that start with these names: those that its own programs import, and those that every image
# imports, the images of 2023 too.
_FOR_OWN_PROGRAMS = ("workloads/", "errors.py")
_FOR_ALL_IMAGES = (
    *("__init__.py", "sagemaker/__init__.py", "sagemaker/containers/", "workloads/__init__.py"),
    *("workloads/processes/__init__.py", "workloads/processes/lifeline.py", "workloads/processes/process.py"),
)

# Module → the package to install if the image does not have it: in the lowest version that pyproject.toml allows.
_OF_PROGRAMS = {"pydantic": "pydantic>=2.12", "numpy": "numpy>=2.1"}
_OF_TRAINING = {
    "transformers": "transformers>=5",
    "accelerate": "accelerate>=1.10",
    "deepspeed": "deepspeed>=0.19",
    "keras": "keras>=3.10",
}
_OF_2023 = ("transformers==4.28.1", "tokenizers==0.13.3", "accelerate==0.19.0")


def package_files(program: str) -> Iterator[tuple[str, Path]]:
    """Yield name and path of the files of this package that a program needs."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(_FOR_ALL_IMAGES if program == "document" else (*_FOR_OWN_PROGRAMS, *_FOR_ALL_IMAGES)):
            yield f"llm_claims/{name}", path


def write_job_source(folder: Path, program: str, requests: Iterable[Request]) -> None:
    """Write the source folder of a job: the runner, the package, the requests, and a list of packages to install."""
    for name, path in package_files(program):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (folder / "runner.py").write_bytes((HERE / "runner.py").read_bytes())
    lines = "".join(request.model_dump_json(exclude_none=True) + "\n" for request in requests)
    (folder / "requests.jsonl").write_text(lines, encoding="utf-8")
    if program == "document":
        packages = {package.partition("==")[0]: package for package in _OF_2023}
    else:
        packages = {**_OF_PROGRAMS, **(_OF_TRAINING if program == "train" else {})}
    requirements = "".join(f"{module} {package}\n" for module, package in packages.items())
    (folder / "requirements.txt").write_text(requirements, encoding="utf-8")


def write_archive(path: Path, program: str, stack: str, gpus: int) -> None:
    """Write ``model.tar.gz``, with serving.properties, model.py and the package at its root.

    ``gpus`` is the number of GPUs of the machine: all of them go to one worker. The files have no time and no owner.
    """
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for name, content in _archive_files(program, stack, gpus).items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))


def _archive_files(program: str, stack: str, gpus: int) -> Mapping[str, bytes]:
    """Return path and content of every file of a model archive."""
    lmi = HERE / "lmi"
    contents = {
        # A number: DJL Serving 0.21 does not know "max".
        "serving.properties": (lmi / f"{stack}.properties").read_bytes()
        + f"option.tensor_parallel_degree={gpus}\n".encode(),
        "model.py": (lmi / "model.py").read_bytes(),
    }
    if stack == "document":
        contents["requirements.txt"] = "".join(f"{one}\n" for one in _OF_2023).encode()
    return contents | {name: path.read_bytes() for name, path in package_files(program)}
