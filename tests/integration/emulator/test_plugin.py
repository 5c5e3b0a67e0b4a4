"""`--instance local` starts an emulator for the run, and for every worker of it."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_TEST = """
import os, pathlib, urllib.request
def test_there():
    url = os.environ["AWS_ENDPOINT_URL"]
    assert os.environ["LLM_CLAIMS_BUCKET"] and os.environ["AWS_DEFAULT_REGION"]
    assert urllib.request.urlopen(url + "/_emulator/resources").status == 200
    pathlib.Path(os.environ["WHERE"]).write_text(url)
"""
_CONFTEST = """
pytest_plugins = ["tests.emulator.plugin"]
"""


def test_starts_for_instance_local_and_ends_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_TEST)
    (tmp_path / "conftest.py").write_text(_CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    where = tmp_path / "url"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    environment |= {"WHERE": str(where), "PYTHONPATH": str(_ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    options = "def pytest_addoption(parser): parser.addoption('--instance', dest='claims_instance', action='append')\n"
    (tmp_path / "options.py").write_text(options)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "options", "-p", "xdist", "--instance", "local", "-n", "2"]
    environment["PYTHONPATH"] += f":{tmp_path}"
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(where.read_text(), timeout=5)
