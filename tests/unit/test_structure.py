"""The house: imports run downwards only, and nothing heavy is imported before it is used."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import llm_claims

PACKAGE = Path(llm_claims.__file__).parent
HEAVY = {"torch", "transformers", "accelerate", "deepspeed", "keras", "boto3", "sagemaker"}
# What a rank runs: it subclasses what these libraries offer, so it cannot be read without them.
OF_RANKS = {f"programs.training.{name}" for name in ("finetune", "keras_fit", "run_log", "trainers")}
# What a source may know of programs: how they speak, and whether this machine can do what they need.
KNOWN_TO_SOURCES = {"programs"} | {
    f"programs.{name}"
    for name in (
        "protocol",
        "janitor",
        "channel",
        "shapes",
        "training",
        "training.link",
        "loading",
        "loading.memory_cap",
    )
}
NOUNS = ("workloads", "evidence", "verdicts", "series", "witness", "metrics", "quantities", "errors")
INPUT_OUTPUT = {"io", "os", "pathlib", "subprocess", "socket", "tempfile", "shutil", "sys", "time", "random", "pytest"}

# Who may import what of the package; a part stands for all its modules.
ALLOWED = {
    "errors": set(),
    "metrics": set(),
    "workloads": set(),
    "verdicts": set(),
    "series": {"errors"},
    "witness": {"workloads"},
    "evidence": {"errors", "metrics", "series", "witness", "workloads"},
    "quantities": {"errors", "evidence", "series"},
    "relations": {"errors", "evidence", "quantities", "relations", "series", "verdicts"},
    "programs": {"devices", "errors", "evidence", "metrics", "programs", "witness", "workloads"},
}
FORBIDDEN = {
    "sources": {"plugin", "suite", "trial", "decider", "relations", "report", "measurement", "plan", "accepted", "cli"},
    "report": {"plugin", "sources", "trial", "decider", "relations", "measurement", "cli", "programs"},
    "recordings": {"sources", "relations", "report", "plugin", "suite"},
    "measurement": {"relations", "report", "plugin", "suite", "trial"},
    "plan": {"relations", "report", "plugin", "suite", "trial"},
    "decider": {"report", "plugin", "suite", "trial"},
}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(node: ast.AST) -> Iterator[str]:
    """The full names that one import statement may load."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "relative imports hide who imports whom"
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(module: str) -> set[str]:
    """Everything a module imports, wherever in it."""
    return {name for node in ast.walk(tree(module)) for name in imported(node)}


def imports_at_import_time(node: ast.AST) -> Iterator[str]:
    """What runs when the module is imported: nothing in functions, nothing for the type checker alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            yield from imports_at_import_time(ast.Module(child.orelse, []))
            continue
        yield from imported(child)
        yield from imports_at_import_time(child)


def within(module: str) -> set[str]:
    """The modules of the package that a module imports."""
    names = {name.removeprefix("llm_claims.") for name in imports(module) if name.startswith("llm_claims.")}
    return {name for name in names if name in MODULES and name} - {module}


def part(module: str) -> str:
    return module.split(".")[0]


def members(of: str) -> list[str]:
    found = [module for module in MODULES if part(module) == of]
    assert found, f"there is no {of} any more: mend this test"
    return found


def test_the_reader_of_imports_sees_what_it_must() -> None:
    assert {"errors", "series", "witness"} <= within("evidence")
    assert "relations.ratio" in within("relations")
    assert "errors" in within("sources.base"), "an import inside a function counts"
    assert "torch" in imports("programs.serving.llama")
    assert "torch" not in set(imports_at_import_time(tree("programs.serving.llama")))
    sample = ast.parse(
        "import a\nif TYPE_CHECKING:\n    import b\nelse:\n    import c\ntry:\n    import d\nexcept E:\n    0"
    )
    assert list(imports_at_import_time(sample)) == ["a", "c", "d"]


@pytest.mark.parametrize("of", ALLOWED)
def test_lower_floors_know_only_those_below(of: str) -> None:
    for module in members(of):
        assert {part(name) for name in within(module)} <= ALLOWED[of], module


@pytest.mark.parametrize("of", FORBIDDEN)
def test_upper_floors_are_not_reached_from_below(of: str) -> None:
    for module in members(of):
        assert not {part(name) for name in within(module)} & FORBIDDEN[of], module


def test_sources_know_programs_by_their_protocol_alone() -> None:
    for module in members("sources"):
        assert {name for name in within(module) if part(name) == "programs"} <= KNOWN_TO_SOURCES, module


def test_nobody_imports_the_plugin_or_the_command() -> None:
    assert {module for module in MODULES if within(module) & {"plugin", "cli"}} == set()


def test_the_suite_is_all_that_reports_know_of_sources() -> None:
    assert {module for module in members("report") if "suite" in within(module)} == {"report.reporter"}


def test_imports_have_no_cycle() -> None:
    graph = {module: within(module) for module in MODULES if module}
    assert len(graph) > 40
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


@pytest.mark.parametrize("of", NOUNS)
def test_nouns_do_no_input_or_output(of: str) -> None:
    assert not {name.split(".")[0] for name in imports(of)} & INPUT_OUTPUT


@pytest.mark.parametrize("module", [module for module in MODULES if part(module) == "relations"])
def test_relations_read_neither_clock_nor_files_nor_chance(module: str) -> None:
    assert not {name.split(".")[0] for name in imports(module)} & (INPUT_OUTPUT - {"sys"})


def test_programs_know_nothing_of_pytest() -> None:
    for module in members("programs"):
        assert not {name.split(".")[0] for name in imports(module)} & {"pytest", "syrupy"}, module


def test_what_ranks_run_is_imported_by_ranks_alone() -> None:
    for module in set(MODULES) - OF_RANKS:
        names = {name.removeprefix("llm_claims.") for name in imports_at_import_time(tree(module))}
        assert not names & OF_RANKS, module


@pytest.mark.parametrize("module", sorted(set(MODULES) - OF_RANKS))
def test_nothing_heavy_is_imported_at_import_time(module: str) -> None:
    found = {name.split(".")[0] for name in imports_at_import_time(tree(module))}
    assert not found & HEAVY


def loaded_by(statement: str) -> set[str]:
    code = f"import json, sys; {statement}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return {name.split(".")[0] for name in json.loads(done.stdout)}


def test_collection_loads_nothing_heavy() -> None:
    found = loaded_by("import llm_claims.plugin, llm_claims.cli")
    assert {"llm_claims", "pytest", "pydantic"} <= found
    assert not found & (HEAVY | {"scipy", "numpy", "jinja2"})


@pytest.mark.parametrize("name", llm_claims.__all__)
def test_every_name_of_the_package_has_its_home(name: str) -> None:
    assert getattr(llm_claims, name).__module__.startswith("llm_claims.")


def test_another_name_has_none() -> None:
    assert not hasattr(llm_claims, "lesss")
    assert not hasattr(llm_claims, "__wrapped__")


def test_the_type_checker_sees_the_same_names() -> None:
    (block,) = (node for node in tree("").body if isinstance(node, ast.If))
    seen = {
        alias.asname or alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    assert seen == set(llm_claims.__all__)


def test_a_program_loads_no_pytest() -> None:
    found = loaded_by("import llm_claims.workloads.generation.program")
    assert "pydantic" in found
    assert not found & (HEAVY | {"pytest", "syrupy", "scipy"})
