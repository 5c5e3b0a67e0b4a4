"""The command ``llm-claims``: what needs no test run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from llm_claims.errors import ClaimsError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit code: 0, 4 for input that cannot be used, 1 if a sweep left something."""
    from llm_claims.sagemaker import sweeping
    from llm_claims.workloads import built_in
    from llm_claims.workloads.registry import register

    register(*built_in())
    parser = argparse.ArgumentParser(prog="llm-claims", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="check recordings, and list what they hold")
    check.add_argument("recording", type=Path, nargs="+")
    merge = commands.add_parser("merge", help="make one recording of several that one machine made, in that order")
    merge.add_argument("recording", type=Path, nargs="+")
    merge.add_argument(
        "--into", type=Path, required=True, metavar="FILE", help="the new recording, named after its file"
    )
    schemas = commands.add_parser("schemas", help="write the JSON Schemas of every file format")
    schemas.add_argument("folder", type=Path)
    sweep = commands.add_parser("sweep", help="remove what runs have left in an AWS account")
    sweeping.add_arguments(sweep)
    given = parser.parse_args(arguments)
    try:
        if given.command == "sweep":
            return sweeping.sweep(given)
        if given.command == "check":
            _check(given.recording)
        elif given.command == "merge":
            _merge(given.recording, given.into)
        else:
            _write_schemas(given.folder)
    except (ClaimsError, OSError) as error:
        print(f"llm-claims: {error}", file=sys.stderr)
        return 4
    return 0


def _check(paths: Sequence[Path]) -> None:
    from llm_claims.evidence.recordings import read_recordings

    for path, recording in zip(paths, read_recordings(paths), strict=True):
        print(f"{path}: {recording.name}, {recording.title}, {len(recording.evidence)} workloads")
        for entry in recording.evidence:
            place = f" on {entry.instance_type}" if entry.instance_type else ""
            metrics = ", ".join(entry.metrics) or "no metric"
            print(f"  {entry.workload.describe()}{place}: {entry.outcome.kind}, {metrics}")


def _merge(paths: Sequence[Path], into: Path) -> None:
    from llm_claims.evidence.merging import measured_again, merged
    from llm_claims.evidence.recordings import read_recordings, unfit, write_recording

    if reason := unfit(into):
        raise UsageError(f"--into {into}: {reason}")
    recordings = read_recordings(paths)
    whole = merged(recordings, into.stem)
    write_recording(whole, into)
    print(f"{into}: {whole.name}, {whole.title}, {len(whole.evidence)} workloads")
    for line in measured_again(recordings):
        print(f"  {line}")


def _write_schemas(folder: Path) -> None:
    from llm_claims.report.schemas import write_schemas

    for path in write_schemas(folder):
        print(path)


if __name__ == "__main__":
    sys.exit(main())
