"""``llm-claims import``: what other programs printed or saved becomes a recording."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from llm_claims.errors import UsageError
from llm_claims.evidence.importing import AUTO, ITSELF, Imported, detected, imported, own_recording, recording_of
from llm_claims.evidence.recordings import Recording, why_not_writable, write_recording
from llm_claims.report.page.runs import value_of
from llm_claims.workloads.shown import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "format", metavar="FORMAT", help=f"a format by name, or {AUTO}, which tells it from the content"
    )
    parser.add_argument("file", type=Path, nargs="+", metavar="FILE", help="a log or a result")
    parser.add_argument("--into", type=Path, required=True, metavar="FILE", help="the new recording")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="[RUN:]FIELD=VALUE",
        help="what the file does not say, of all runs or one by its number; instance=TYPE: the cloud instance type",
    )
    parser.add_argument("--hardware", metavar="TEXT", help="where the runs were made")


def run(given: argparse.Namespace) -> None:
    """Read the files, tell what was found, and write the recording.

    Raises
    ------
    UsageError
        A file, a setting or the name of the recording cannot be used; nothing is written then.
    """
    into: Path = given.into
    if reason := why_not_writable(into):
        raise UsageError(f"--into {into}: {reason}")
    recording = _own(given) or _of_files(given)
    write_recording(recording, into)
    print(f"{into}: {recording.name}, {count(len(recording.evidence), 'workload')}")


def _own(given: argparse.Namespace) -> Recording | None:
    """Read a recording of this program's own, which is taken as it is; ``None`` if the file is none."""
    path: Path = given.file[0]
    if given.format != ITSELF and (given.format != AUTO or detected(path) != ITSELF):
        return None
    if len(given.file) > 1 or given.set or given.hardware:
        raise UsageError("a recording is imported alone, as it is: merge several with llm-claims merge")
    return own_recording(path, given.into)


def _of_files(given: argparse.Namespace) -> Recording:
    found = imported(given.format, given.file, given.set, given.hardware)
    _tell(found)
    return recording_of(found, given.into)


def _tell(found: Sequence[Imported]) -> None:
    for one in found:
        print(f"run {one.number}: {one.entry.place}: {one.entry.workload.describe()}")
        if one.run.diverged:
            print(f"  diverged: {one.run.diverged}: its figures are none")
        for name, samples in one.entry.metrics.items():
            aside = f" ({samples.note})" if samples.note else ""
            print(f"  {name}: {value_of(samples)}, {samples.place}{aside}")
        told = {
            "set by hand": one.set_by_hand,
            "from the file": sorted(one.run.fields),
            "open": one.open_fields,
            "not used": sorted(one.run.ignored),
        }
        for what, names in told.items():
            if names:
                print(f"  {what}: {', '.join(names)}")
