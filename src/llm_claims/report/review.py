"""``llm-claims review``: what departs from the accepted verdicts, and how a person accepts it, with a reason."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from datetime import date
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from filelock import FileLock

from llm_claims.document.validation import read_json, validated
from llm_claims.errors import UsageError
from llm_claims.evidence.recordings import read_recording
from llm_claims.judging.accepted import AcceptedVerdict, read_accepted
from llm_claims.judging.commit import DIRTY, author, commit_of
from llm_claims.judging.departure import Departure
from llm_claims.judging.reasons import Reason, write_reason
from llm_claims.judging.rows import FigureList, FigureRow, VerdictList, VerdictRow
from llm_claims.report.figures import standing_on
from llm_claims.report.files import FIGURES, PART, VERDICTS
from llm_claims.workloads.shown import count

RECORDED = ("-m", "cpu and not live")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "run",
        type=Path,
        nargs="*",
        metavar="FILE",
        help="two verdicts.json, or two recordings, to compare with each other; without, the working tree is compared "
        "with the accepted verdicts",
    )
    parser.add_argument("--accept", action="append", default=[], metavar="CLAIM[CASE-SOURCE]", help="accept this case")
    parser.add_argument("--accept-all", type=int, metavar="N", help="accept all, which have to be N")
    parser.add_argument("--because", metavar="TEXT", help="why; kept beside the accepted verdict, with author and date")
    parser.add_argument("--report-dir", type=Path, default=Path("report"), help="where live runs left their report")


def review(given: argparse.Namespace) -> int:
    """Show what departs, or accept some of it; return 0 if nothing is left to review, else 1.

    Raises
    ------
    UsageError
        The arguments make no sense; a case to be accepted does not exist or does not depart.
    RecordingError
        A file cannot be read.
    """
    if given.run:
        return _compare(given.run)
    rows, figures = _judged(given.report_dir)
    departed = [row for row in rows if row.departure is not None]
    if given.accept or given.accept_all is not None:
        chosen = _chosen(departed, rows, given)
        _accept(chosen, given.because)
        departed = [row for row in departed if row not in chosen]
    elif sys.stdin.isatty() and departed:
        departed = _ask(departed, figures)
    _show(departed, figures)
    return 1 if departed else 0


def _judged(report: Path) -> tuple[list[VerdictRow], list[FigureRow]]:
    """Judge the recordings as they are now; take live verdicts from the last report."""
    with TemporaryDirectory() as folder:
        _run_pytest([f"--report-dir={folder}"])
        rows, figures = _read(Path(folder))
    there = {row.source for row in rows}
    for folder_of_last in (report, report / PART):
        if (folder_of_last / VERDICTS).is_file():
            last, their_figures = _read(folder_of_last)
            rows += [_accepted_now(row) for row in last if row.source not in there and row.line is not None]
            figures += [row for row in their_figures if row.source not in there]
            there = {row.source for row in rows}
    return rows, figures


def _run_pytest(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "pytest", *RECORDED, "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode > 1:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-3:]
        raise UsageError("pytest could not judge the recordings:\n  " + "\n  ".join(last))


def _read(folder: Path) -> tuple[list[VerdictRow], list[FigureRow]]:
    """Read the whole report in a folder, or the part."""
    at = folder if (folder / VERDICTS).is_file() else folder / PART
    if not (at / VERDICTS).is_file():
        raise UsageError(f"{folder} has no {VERDICTS}: is this the root of a suite?")
    figures = validated(FigureList, read_json(at / FIGURES), at / FIGURES).root if (at / FIGURES).is_file() else []
    return _rows(at / VERDICTS), figures


def _rows(path: Path) -> list[VerdictRow]:
    return list(validated(VerdictList, read_json(path), path).root)


def _place(row: VerdictRow) -> tuple[Path, str]:
    """Return the amber file of a row's test, and the name of its entry: as syrupy names them."""
    module, *names = row.test.split("::")
    path = Path(module)
    return path.parent / "__snapshots__" / f"{path.stem}.ambr", ".".join(names)


def _accepted_now(row: VerdictRow) -> VerdictRow:
    amber, name = _place(row)
    return row.model_copy(update={"accepted": read_accepted(amber).get(name)})


def _chosen(departed: Sequence[VerdictRow], rows: Sequence[VerdictRow], given: argparse.Namespace) -> list[VerdictRow]:
    if not given.because:
        raise UsageError("say why: --because TEXT")
    if given.accept_all is not None:
        if given.accept_all != len(departed):
            for row in departed:
                print(_line(row))
            number = len(departed)
            raise UsageError(f"{count(number, 'case')} would be accepted: if you mean all, --accept-all {number}")
        return list(departed)
    known, there = {row.address: row for row in departed}, {row.address for row in rows}
    for address in given.accept:
        if address not in known:
            raise UsageError(
                f"{address} agrees with what is accepted" if address in there else f"there is no case {address}"
            )
    return [known[address] for address in given.accept]


def _accept(rows: Iterable[VerdictRow], because: str) -> None:
    for row in rows:
        amber, name = _place(row)
        assert row.line is not None
        reason = Reason(accepted=row.line, because=because, author=author(), date=date.today(), commit=_commit())
        with _alone(amber):
            if read_accepted(amber).get(name) != row.accepted:
                raise UsageError(f"{row.address}: {amber} was changed meanwhile; review again")
            AcceptedVerdict(amber, name, "all", nullcontext).agrees(row.line)
            write_reason(amber, name, reason, read_accepted(amber).keys())
        print(f"accepted: {_line(row)}")


def _alone(amber: Path) -> FileLock:
    """The lock of an amber file; not beside it, where it would stay."""
    return FileLock(Path(gettempdir()) / f"llm-claims-{sha256(str(amber.resolve()).encode()).hexdigest()[:16]}.lock")


def _commit() -> str | None:
    try:
        # Accepting changes files itself, so that nothing follows from that.
        told = commit_of(Path.cwd())
        return told and told.removesuffix(DIRTY)
    except OSError:
        return None


def _line(row: VerdictRow) -> str:
    return f"{row.departure:<5}  {row.address}: {row.accepted or 'not accepted yet'} → {row.line}"


def _groups(rows: Sequence[VerdictRow], figures: Sequence[FigureRow]) -> Iterator[tuple[str, list[VerdictRow]]]:
    """Yield rows by the changed figure that they share, each row once; then the others by kind."""
    left = list(rows)
    for change, cases in standing_on(figures).items():
        group = [row for row in left if (row.claim, row.case, row.source) in cases]
        if group:
            yield f"{change}: {count(len(group), 'case')}", group
            left = [row for row in left if row not in group]
    for kind in Departure:
        if group := [row for row in left if row.departure is kind]:
            yield f"{kind}: {count(len(group), 'case')}", group


def _show(rows: Sequence[VerdictRow], figures: Sequence[FigureRow]) -> None:
    for heading, group in _groups(rows, figures):
        print(heading)
        for row in group:
            print(f"  {_line(row)}")
            if row.reason:
                print(f"         {row.reason}")
    if rows:
        how = f"llm-claims review --accept '{rows[0].address}' --because WHY"
        print(f"{count(len(rows), 'case')} to review; accept one: {how}")
    else:
        print("nothing departs from the accepted verdicts")


def _ask(rows: Sequence[VerdictRow], figures: Sequence[FigureRow]) -> list[VerdictRow]:
    """Go through the cases at a terminal; return those that were not accepted."""
    left = list(rows)
    for heading, group in _groups(rows, figures):
        print(heading)
        for row in group:
            print(f"  {_line(row)}")
            answer = ""
            while answer not in ("a", "s", "q"):
                answer = input("  [a]ccept, [s]kip, s[h]ow, [q]uit? ").strip().lower()
                if answer == "h":
                    print(row.model_dump_json(indent=1))
            if answer == "q":
                return left
            if answer == "a":
                while not (because := input("  why? ").strip()):
                    pass
                _accept([row], because)
                left.remove(row)
    return left


def _compare(paths: Sequence[Path]) -> int:
    """Compare two runs, or two recordings, case by case; the sources' names do not matter if each has one."""
    if len(paths) != 2:
        raise UsageError("name two files to compare, or none")
    old, new = map(_by_case, paths)
    changed = 0
    for case in dict.fromkeys((*old, *new)):
        before, after = old.get(case), new.get(case)
        if told := _difference(before, after):
            changed += 1
            print(f"{case}: {told}")
    print(f"{count(changed, 'case')} of {len(set(old) | set(new))} differ")
    return 1 if changed else 0


def _difference(before: VerdictRow | None, after: VerdictRow | None) -> str | None:
    if before is None or after is None:
        return "new" if before is None else "lost"
    if before.verdict != after.verdict:
        return f"{Departure.FLIP}: {_said(before)} → {_said(after)}"
    if _said(before) != _said(after):
        return f"{Departure.DRIFT}{_within(before, after)}: {_said(before)} → {_said(after)}"
    reasons = [row.reason.replace(row.source, "it") for row in (before, after)]
    return f"reason: {' → '.join(reasons)}" if reasons[0] != reasons[1] else None


def _within(before: VerdictRow, after: VerdictRow) -> str:
    if before.interval is None or after.effect is None:
        return ""
    return " within its interval" if before.interval[0] <= after.effect <= before.interval[1] else ""


def _said(row: VerdictRow) -> str:
    span = f" [{row.interval[0]:.4g}, {row.interval[1]:.4g}]" if row.interval else ""
    return f"{row.verdict}{f' {row.effect:.4g}' if row.effect is not None else ''}{span}"


def _by_case(path: Path) -> dict[str, VerdictRow]:
    rows = _rows(path) if isinstance(read_json(path), list) else _rows_of_recording(path)
    alone = len({row.source for row in rows}) == 1
    return {f"{row.claim}[{row.case}]" if alone else row.address: row for row in rows}


def _rows_of_recording(path: Path) -> list[VerdictRow]:
    recording = read_recording(path)
    with TemporaryDirectory() as folder:
        _run_pytest([f"--recording={path.resolve()}", f"--report-dir={folder}"])
        return [row for row in _read(Path(folder))[0] if row.source == recording.name]
