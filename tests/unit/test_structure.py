"""The house: eleven rooms, imports run one way, and nothing heavy is imported before it is used."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import llm_claims

PACKAGE = Path(llm_claims.__file__).parent
# Each room may import from those before it; those that stand together do not import each other.
FLOORS = (
    ("errors",),
    ("document",),
    ("workloads",),
    ("evidence",),
    ("relations", "sources"),
    ("judging",),
    ("sagemaker", "report"),
    ("cli", "plugin"),
)
KINDS = tuple(f"llm_claims.workloads.{kind}" for kind in ("training", "generation", "loading"))
HEAVY = {"torch", "transformers", "accelerate", "deepspeed", "keras", "boto3", "sagemaker"}
# What a rank of training runs subclasses what these libraries offer, so it cannot be read without them.
OF_RANKS = {f"llm_claims.workloads.training.{name}" for name in ("finetune", "keras_fit", "run_log", "trainers")}
# A layer is a subclass of PyTorch's, too.
OF_RANKS |= {"llm_claims.workloads.generation.quantization"}
STARTERS = re.compile(r"\bPopen\b|\bos\.(fork|kill|killpg|posix_spawnp?)\b|\b(Process|get_context)\b\(")
OUTSIDE_WORLD = {"datetime", "io", "os", "pathlib", "random", "socket", "subprocess", "tempfile", "time"}


@cache
def trees() -> dict[str, ast.Module]:
    """Every module by its full name, parsed."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("llm_claims", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(nodes: Iterator[ast.AST]) -> set[str]:
    """The full names that import statements may load."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide who imports whom"
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is imported: nothing in functions, nothing for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from run_at_import(child)


@cache
def imports() -> dict[str, set[str]]:
    """What each module imports, wherever in it; the package itself only names things, lazily."""
    return {name: imported(ast.walk(tree)) for name, tree in trees().items() if name != "llm_claims"}


@cache
def early_imports() -> dict[str, set[str]]:
    """What each module imports when it is imported itself."""
    return {name: imported(run_at_import(tree)) for name, tree in trees().items()}


def room(module: str) -> str:
    return module.split(".")[1]


def libraries(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def test_there_are_eleven_rooms() -> None:
    found = {room(module) for module in imports()}
    assert found == {name for floor in FLOORS for name in floor}
    assert len(found) <= 11


@pytest.mark.parametrize("floor", range(len(FLOORS)), ids=lambda floor: "+".join(FLOORS[floor]))
def test_imports_run_one_way(floor: int) -> None:
    below = {name for names in FLOORS[:floor] for name in names}
    for module, names in imports().items():
        if room(module) in FLOORS[floor]:
            assert "llm_claims" not in names, f"{module} hides what it imports"
            assert {room(name) for name in names if name in imports()} <= {*below, room(module)}, module


def test_no_import_needs_one_that_is_under_way() -> None:
    graph = {
        module: {name for name in names if name in trees()} - {module} for module, names in early_imports().items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(trees())


def test_only_workloads_and_sagemaker_know_the_kinds() -> None:
    for module, names in imports().items():
        if room(module) not in ("workloads", "sagemaker"):
            assert not {name for name in names if name.startswith(KINDS)}, module


def test_nobody_asks_a_source_what_it_is() -> None:
    for module, tree in trees().items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            text = ast.unparse(call)
            asks = text.startswith(("hasattr(", "isinstance(")) or (text.startswith("getattr(") and len(call.args) > 2)
            assert not (asks and re.search(r"(?<![a-z])sources?\b|Source\b", text)), f"{module}: {text}"


@pytest.mark.parametrize("of", ["errors", "document", "workloads", "evidence", "relations", "sources"])
def test_what_judges_nothing_knows_no_pytest(of: str) -> None:
    assert {m for m, names in imports().items() if room(m) == of and libraries(names) & {"pytest", "syrupy"}} == set()


def test_relations_read_neither_clock_nor_files_nor_chance() -> None:
    assert {m for m, names in imports().items() if room(m) == "relations" and libraries(names) & OUTSIDE_WORLD} == set()


def test_nothing_heavy_is_imported_at_import_time() -> None:
    assert {module for module, names in early_imports().items() if libraries(names) & HEAVY} <= OF_RANKS
    assert {module for module, names in early_imports().items() if names & OF_RANKS} <= OF_RANKS


def loaded_by(statement: str) -> list[str]:
    code = f"import json, sys; {statement}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def test_the_plugin_costs_nothing_where_there_are_no_claims() -> None:
    found = loaded_by("import llm_claims.plugin")
    ours = {name for name in found if name.split(".")[0] == "llm_claims"}
    assert ours == {"llm_claims", "llm_claims.plugin", "llm_claims.judging", "llm_claims.judging.options"}
    assert not {"pydantic", "numpy", "scipy", "jinja2", "syrupy", "filelock"} & set(found)


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import llm_claims.judging.session, llm_claims.report.reporter, llm_claims.cli", {"numpy", "scipy", "jinja2"}),
        (f"import {', '.join(f'{kind}.program' for kind in KINDS)}", {"pytest", "syrupy", "scipy"}),
    ],
    ids=["collected", "run"],
)
def test_what_is_collected_or_run_loads_only_what_it_needs(statement: str, absent: set[str]) -> None:
    assert not (HEAVY | absent) & set(loaded_by(statement))


def test_every_name_of_the_package_has_its_home() -> None:
    for name in llm_claims.__all__:
        assert getattr(llm_claims, name).__module__.startswith("llm_claims."), name
    with pytest.raises(AttributeError, match="llm_claims has no 'lesss'; relations are equal, every"):
        _ = llm_claims.lesss
    (block,) = (node for node in trees()["llm_claims"].body if isinstance(node, ast.If))
    seen = {alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(llm_claims.__all__), "the type checker sees other names"


def test_processes_are_started_and_signalled_in_one_room() -> None:
    found = {name for name, tree in trees().items() if STARTERS.search(ast.unparse(tree))}
    assert {name.rpartition(".")[0] for name in found} == {"llm_claims.workloads.processes"}
