"""Several documents in one suite: each in a folder of the fixtures, judged in one run, shown apart."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llm_claims import cli

from .miniature import REGISTER, TESTS, Miniature, assert_refused, recording

SECOND = """\
document = "Second notes"

[claims.tokens-are-free]
statement = "More new tokens take no longer."
disagrees = ["tokens-double"]
"""
SECOND_TEST = """\
@claim("tokens-are-free", place="line 3")
def test_free(measure, judge):
    few, many = (measure(Generation(input_tokens=10, new_tokens=n)) for n in (64, 128))
    judge(flat(few.latency_seconds, many.latency_seconds, within=0.1, against="rise"))
"""


@pytest.fixture
def two(suite: Miniature) -> Miniature:
    """The miniature document in a folder of its own, and a second one beside it."""
    (suite.path / "fixtures/first").mkdir()
    for name in ("claims.toml", "recordings"):
        (suite.path / "fixtures" / name).rename(suite.path / "fixtures/first" / name)
    suite.write("fixtures/second/claims.toml", SECOND)
    suite.write_recording({**recording(), "name": "notes"}, "fixtures/second/recordings/notes.json")
    suite.write_test(SECOND_TEST, "test_second.py")
    return suite


def sources(suite: Miniature) -> dict[str, set[str]]:
    """The sources that have rows of each claim."""
    found: dict[str, set[str]] = {}
    for claim, _, source in suite.rows():
        found.setdefault(claim, set()).add(source)
    return found


def test_each_recording_judges_its_own_document_and_live_sources_judge_all(two: Miniature) -> None:
    two.run("-m", "cpu")
    assert sources(two)["tokens-are-free"] == {"notes", "cpu"}
    assert sources(two)["tokens-double"] == {"paper", "cpu"}
    assert {row["claim"]: row["document"] for row in two.rows().values()} == {
        "tokens-are-free": "second",
        **dict.fromkeys(("input-costs", "tokens-double", "batch-is-free", "zero1-faster"), "first"),
    }


def test_what_was_accepted_holds_when_a_document_moves_to_a_folder(two: Miniature) -> None:
    two.run("-m", "cpu and not live")
    departures = {claim: row["accepted"] == row["line"] for (claim, _, at), row in two.rows().items() if at == "paper"}
    assert all(departures.values())


def test_a_page_for_each_a_first_page_and_every_report_say_which_is_which(two: Miniature) -> None:
    result = two.run("-m", "cpu and not live", "--junitxml=junit.xml")
    first, one, other = (
        (two.path / "report" / name).read_text(encoding="utf-8") for name in ("index.html", "first.html", "second.html")
    )
    assert 'href="first.html"' in first
    assert 'href="second.html"' in first
    assert "tokens-are-free</a>" in first  # it is contradicted
    assert "<h1>A miniature document</h1>" in one
    assert 'id="tokens-are-free"' not in one
    assert "<h1>Second notes</h1>" in other
    assert 'id="input-costs"' not in other
    assert 'title="paper' not in other
    comment = (two.path / "report/comment.md").read_text(encoding="utf-8")
    assert [line.partition(":")[0] for line in comment.splitlines() if line.startswith("#")] == [
        "### A miniature document",
        "### Second notes",
    ]
    assert 'name="document" value="second"' in (two.path / "junit.xml").read_text(encoding="utf-8")
    csv = (two.path / "report/verdicts.csv").read_text(encoding="utf-8").splitlines()
    assert "document" in csv[0].split(",")
    result.stdout.fnmatch_lines(["A miniature document", "*4 claims, *", "Second notes", "*1 claim, 1 case*"])


def test_a_disagreement_is_shown_on_both_pages_and_the_first(two: Miniature) -> None:
    two.run("-m", "cpu and not live")
    pages = {
        name: (two.path / f"report/{name}.html").read_text(encoding="utf-8") for name in ("index", "first", "second")
    }
    assert "Second notes says otherwise: More new tokens take no longer." in pages["first"]
    assert 'href="second.html#tokens-are-free"' in pages["first"]
    assert "A miniature document says otherwise: Twice the new tokens" in pages["second"]
    assert pages["index"].count('class="box"') == 2  # what changed, and one pair: not each way round
    assert "Where they disagree" in pages["index"]


def test_one_document_is_selected_and_its_page_is_the_first(two: Miniature) -> None:
    two.run("-m", "cpu and not live", "--document", "second").assert_outcomes(xfailed=1, deselected=23)
    assert set(sources(two)) == {"tokens-are-free"}
    page = (two.path / "report/part/index.html").read_text(encoding="utf-8")
    assert "<h1>Second notes: a part</h1>" in page
    assert not (two.path / "report/index.html").exists()


def test_it_may_repeat_and_goes_with_a_claim(two: Miniature) -> None:
    two.run("-m", "cpu and not live", "--document", "first", "--document", "second", "--claim", "tokens-double")
    assert set(sources(two)) == {"tokens-double"}


def test_two_documents_of_one_name_are_refused(suite: Miniature) -> None:
    # One lies in the fixtures directly, and is called as they are.
    suite.write("fixtures/fixtures/claims.toml", SECOND)
    first, second = (suite.path / "fixtures" / name for name in ("claims.toml", "fixtures/claims.toml"))
    assert_refused(suite.run(), f"{first} and {second} are both of a document 'fixtures': rename the folder of one")


@pytest.mark.parametrize(("name", "words"), [("fixtures", "there already"), ("recordings", "nor 'recordings'")])
def test_no_further_document_is_begun_that_hides_another(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    monkeypatch.chdir(suite.path)
    assert cli.main(["init", "--document", name]) == 4
    assert words in capsys.readouterr().err
    assert not (suite.path / "fixtures" / name / "claims.toml").exists()


def test_a_claim_of_a_document_that_is_left_out_is_refused(two: Miniature) -> None:
    result = two.run("--document", "first", "--claim", "tokens-are-free")
    assert_refused(result, "--claim tokens-are-free is of document second, and --document names first alone")


def test_an_unknown_document_is_refused(two: Miniature) -> None:
    assert_refused(two.run("--document", "secnd"), "unknown document 'secnd'", "did you mean 'second'?")
    assert_refused(two.run("--document", "xyz"), "unknown document 'xyz': there are first, second")


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (
            "fixtures/second/claims.toml",
            SECOND + '[claims.input-costs]\nstatement = "Again."\n',
            ("first/claims.toml and ", "second/claims.toml both have a claim 'input-costs'"),
        ),
        (
            "fixtures/second/recordings/notes.json",
            json.dumps(recording()),
            ("first/recordings/paper.json and ", "second/recordings/notes.json are both named 'paper'"),
        ),
        (
            "fixtures/second/claims.toml",
            SECOND.replace('"tokens-double"', '"token-doubles"'),
            (
                "second/claims.toml: claims.tokens-are-free.disagrees: 'token-doubles' is no claim of another",
                "tokens-d",
            ),
        ),
        ("fixtures/Third One/claims.toml", 'document = "x"\n', ("rename the folder 'Third One'",)),
        ("fixtures/index/claims.toml", 'document = "x"\n', ("rename the folder 'index'",)),
    ],
)
def test_what_two_documents_cannot_share_is_refused(
    two: Miniature, path: str, text: str, words: tuple[str, ...]
) -> None:
    two.write(path, text)
    assert_refused(two.run("-m", "cpu and not live"), *words)


def test_a_recording_that_lies_elsewhere_judges_all(two: Miniature) -> None:
    two.write_recording({**recording(), "name": "bench"}, "bench.json")
    two.run("-m", "cpu and not live", "--recording", "bench.json")
    assert sources(two)["tokens-are-free"] == sources(two)["tokens-double"] == {"bench"}


def test_an_empty_document_beside_the_others_changes_nothing(
    suite: Miniature, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    suite.run("-m", "cpu and not live")
    before, page = suite.rows(), len((suite.path / "report/index.html").read_text(encoding="utf-8"))
    monkeypatch.chdir(suite.path)
    assert cli.main(["init", "--document", "notes"]) == 0
    assert "llm-claims add ID --document notes" in capsys.readouterr().out
    suite.run("-m", "cpu and not live")
    assert suite.rows() == before
    assert len((suite.path / "report/index.html").read_text(encoding="utf-8")) == page
    assert sorted(path.name for path in (suite.path / "report").glob("*.html")) == ["index.html"]


ADD = ("add", "short-is-quick", "--statement", "Few tokens are quick.", "--place", "line 1")
FIGURE = ("--figure", "generation(new_tokens=8).latency_seconds=0.5")


def test_its_first_claim_goes_beside_the_others_tests(suite: Miniature, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(suite.path)
    suite.write("tests/claims/fixtures/test_moved.py", TESTS)
    assert cli.main(["init", "--document", "notes"]) == 0
    assert cli.main([*ADD, "--document", "notes", *FIGURE]) == 0
    assert (suite.path / "tests/claims/notes/test_short_is_quick.py").is_file()
    assert json.loads((suite.path / "fixtures/notes/recordings/notes.json").read_text())["name"] == "notes"
    assert "short-is-quick" not in (suite.path / "fixtures/claims.toml").read_text(encoding="utf-8")
    assert (suite.path / "fixtures/claims.toml").read_text(encoding="utf-8") == REGISTER
    (suite.path / "tests/claims/fixtures/test_moved.py").unlink()
    suite.run("-m", "cpu and not live", "--document", "notes")
    assert sources(suite) == {"short-is-quick": {"notes"}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["init"], "say where to"),
        (["init", "--document", "index"], "a document's name has lower-case letters"),
        (["init", "--document", "second"], "there already, and never overwritten"),
        (["init", "elsewhere", "--document", "third"], "has no document yet"),
        ([*ADD], "say which document makes it: --document first or second"),
        ([*ADD, "--document", "thrd"], "unknown document 'thrd'"),
        ([*ADD[:1], "input-costs", *ADD[2:], "--document", "second"], "there is a claim of this id in first"),
    ],
)
def test_what_cannot_be_begun_leaves_everything_as_it_was(
    two: Miniature,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(two.path)
    before = files(two.path)
    assert cli.main(arguments) == 4
    assert said in capsys.readouterr().err
    assert files(two.path) == before


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_change_in_the_second_is_reviewed_and_accepted_beside_its_tests(
    two: Miniature, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(two.path)
    assert cli.main(["review", "--accept", "tokens-are-free[notes]", "--because", "read"]) == 0
    assert "accepted: new" in capsys.readouterr().out
    assert list(two.accepted("test_second")) == ["test_free[notes]"]
