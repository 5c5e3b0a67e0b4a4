"""Whatever marks, outcomes and plugins come together: as many rows as cases, or the run is refused in words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ..miniature import Miniature, build

CLAIMS = ("input-costs", "tokens-double", "batch-is-free", "zero1-faster")
MARKS = ("xfail", "xfail(strict=True)", "xfail(run=False)", "skip", "skipif(True, reason='no')", "usefixtures('given')")
BODIES = {
    "judges": "a, b = (measure(Generation(new_tokens=n)).latency_seconds for n in (64, 128)); judge(less(a, b))",
    "judges nothing": "pass",
    "untestable": "raise Untestable('not here')",
    "raises": "raise ValueError('broken')",
    "skips": "pytest.skip('not today')",
    "gives up": "pytest.xfail('not today')",
    "exits": "pytest.exit('enough')",
    "exits well": "pytest.exit('enough', returncode=0)",
    "subtest fails": "\n    with subtests.test('inner'):\n        assert False\n    judge(None)",
}
FIXTURES = {
    "nothing": "yield",
    "skips": "pytest.skip('not today')",
    "breaks": "raise ValueError('broken')",
    "tears down badly": "yield; raise ValueError('broken')",
    "hides": "request.node.add_marker(pytest.mark.xfail); yield",
}
PLUGINS = {
    "none": "",
    "marks late": "def pytest_runtest_setup(item):\n    item.add_marker(pytest.mark.xfail)\n",
    "excuses": (
        "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport():\n"
        "    report = yield\n    report.outcome = 'skipped' if report.failed else report.outcome\n    return report\n"
    ),
    "passes over": "def pytest_runtest_protocol(item):\n    return True if 'test_1' in item.nodeid else None\n",
    "deselects": "def pytest_collection_modifyitems(items):\n    del items[::3]\n",
    "reverses": "def pytest_collection_modifyitems(items):\n    items.reverse()\n",
}
OPTIONS = ((), ("-x",), ("--maxfail=2",), ("--runxfail",), ("-k", "test_0 or test_2"), ("--snapshot-update",))


class Test(NamedTuple):
    """A test of a claim, as it is drawn."""

    __test__ = False

    marks: tuple[str, ...]
    body: str

    def text(self, number: int) -> str:
        """Its source."""
        marks = "".join(f"@pytest.mark.{mark}\n" for mark in self.marks)
        head = f'@claim("{CLAIMS[number]}", place="1")\n{marks}def test_{number}(measure, judge, subtests):\n'
        return f"{head}    {BODIES[self.body]}\n"


RARELY = st.sampled_from([()] * 30 + [(mark,) for mark in MARKS] + [(MARKS[-1],)] * 20)
TESTS = st.lists(st.builds(Test, RARELY, st.sampled_from([*BODIES, *["judges"] * 8])), min_size=4, max_size=4)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(TESTS, st.sampled_from([*FIXTURES]), st.sampled_from([*PLUGINS]), st.sampled_from(OPTIONS))
def test_as_many_rows_as_cases(
    pytester: pytest.Pytester, tests: list[Test], fixture: str, plugin: str, options: Sequence[str]
) -> None:
    suite = fresh(pytester)
    given_fixture = f"@pytest.fixture\ndef given(request):\n    {FIXTURES[fixture]}\n"
    suite.write_test("\n".join([given_fixture, *(test.text(number) for number, test in enumerate(tests))]))
    suite.write("conftest.py", f"import json\nimport pytest\n{PLUGINS[plugin]}\n{SPY}")
    result = suite.run("-m", "cpu and not live", *options)
    cases = suite.path / "cases.json"
    if result.ret == pytest.ExitCode.USAGE_ERROR:
        assert any(mark != MARKS[-1] for test in tests for mark in test.marks)
        assert "accepted by review, not hidden" in result.stderr.str()
        return
    wanted = json.loads(cases.read_text(encoding="utf-8"))
    found = suite.rows() if wanted else {}
    assert len(found) == len(wanted)
    if any(row["verdict"] == "error" for row in found.values()):
        assert result.ret != pytest.ExitCode.OK


SPY = """
@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    with open("cases.json", "w") as stream:
        json.dump([item.nodeid for item in session.items], stream)
"""


def fresh(pytester: pytest.Pytester) -> Miniature:
    """A suite as if no example had been run before."""
    for path in pytester.path.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    suite = build(pytester.path, pytester)
    suite.accept({})
    return suite
