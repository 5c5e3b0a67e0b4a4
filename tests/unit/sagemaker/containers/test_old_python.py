"""What the images of 2023 run is read by Python 3.8."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import llm_claims
from llm_claims.sagemaker.containers.bundle import package_files

OLD = [(name, path) for name, path in package_files("document") if not name.endswith("bundle.py")]
NEW_GENERICS = {"list", "dict", "tuple", "set", "type", "frozenset"}


def annotations(tree: ast.AST) -> set[ast.AST]:
    """Every node within an annotation: those are never evaluated."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if (inner := getattr(node, name, None)) is not None:
                found |= set(ast.walk(inner))
    return found


def test_there_is_something_to_read() -> None:
    names = {name for name, _ in OLD}
    assert {"llm_claims/__init__.py", "llm_claims/sagemaker/containers/document/program.py"} <= names
    assert "llm_claims/workloads/base.py" not in names


@pytest.mark.parametrize(("name", "path"), OLD, ids=[name for name, _ in OLD])
def test_python_3_8_reads_it(name: str, path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 8))
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))
    evaluated = {node for node in ast.walk(tree) if isinstance(node, ast.Subscript)} - annotations(tree)
    assert not {node.value.id for node in evaluated if isinstance(node.value, ast.Name)} & NEW_GENERICS
    deferred = any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)
    assert deferred or not annotations(tree), "annotations of a later Python are evaluated"


MODULES = [(name, path) for name, path in OLD if not name.endswith("__init__.py")]


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_it_imports_nothing_that_does_not_travel(name: str, path: Path) -> None:
    travels = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name, _ in OLD}
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        node
        for guard in tree.body
        if isinstance(guard, ast.If) and ast.unparse(guard.test) == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in set(ast.walk(tree)) - typing_only:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("llm_claims"):
            assert node.module in travels


def test_the_package_is_where_it_is_looked_for() -> None:
    assert dict(OLD)["llm_claims/__init__.py"] == Path(llm_claims.__file__)
