"""The pytest plugin. In a project without claims it does nothing, and imports nothing but its options."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from llm_claims.judging.options import (
    TAKEN,
    add_options,
    add_short_forms,
    check_root,
    concerns,
    option,
    registers_of,
    values_of_short_forms,
)

if TYPE_CHECKING:
    from llm_claims.judging.suite import Suite
    from llm_claims.sources.base import Source
    from llm_claims.workloads.base import Workload

MARKERS = (
    "cpu: every recording, and live runs on this processor",
    "gpu: live runs on GPUs",
    "sagemaker: live SageMaker jobs and endpoints",
    "live: measures while it runs, instead of reading a recording",
    "claim(id, place): the test of a claim of the document",
)


class ClaimsHooks:
    """Hooks for a ``conftest.py`` or a plugin: kinds of workload and sources of one's own."""

    @pytest.hookspec
    def pytest_claims_kinds(self) -> list[type[Workload]]:  # type: ignore[empty-body]
        """Return kinds of workload of your own; see `llm_claims.Workload`."""

    @pytest.hookspec
    def pytest_claims_sources(self, suite: Suite) -> list[Source]:  # type: ignore[empty-body]
        """Return sources of your own; see `llm_claims.Source`. Each is a column of the report."""


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make the hooks known."""
    pluginmanager.add_hookspecs(ClaimsHooks)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    add_options(parser)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, None, None]:
    """Add the options' short forms last: a conftest or another plugin that has one of that name keeps it."""
    paths = early_config.known_args_namespace.file_or_dir
    for value in values_of_short_forms(args):
        with suppress(ValueError):
            paths.remove(value)
    yield
    early_config.stash[TAKEN] = add_short_forms(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Load the rest of the package where there is a register of claims, or an option asks for one."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    check_root(config)
    if not concerns(config):
        return
    from llm_claims.judging import session

    suite = session.prepare(config)
    config.pluginmanager.register(session, "llm-claims-session")
    if option(config, "instance"):
        from llm_claims.sagemaker.plugin import SageMaker

        config.pluginmanager.register(SageMaker(suite, config), "llm-claims-sagemaker")
    if not hasattr(config, "workerinput"):
        from llm_claims.report.reporter import Reporter

        config.pluginmanager.register(Reporter(suite, config), "llm-claims-reporter")
    session.check_early(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Refuse the test of a claim where there is no register to find the claim in."""
    if metafunc.definition.get_closest_marker("claim") is None or concerns(metafunc.config):
        return
    from llm_claims.judging.marks import claim_of

    id, (register, *_) = claim_of(metafunc.definition), registers_of(metafunc.config)
    if id is not None:
        why = "it states no claim" if register.is_file() else "it is not there"
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid} tests claim {id!r}, and {register} is no register of claims: {why}. "
            "If this is not your suite's root, name it with --rootdir."
        )
