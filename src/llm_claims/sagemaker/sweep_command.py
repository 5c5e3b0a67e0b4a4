"""The command ``llm-claims sweep``: removes what one run, or all old runs, left in the account."""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.errors import BucketUnknown, SetUpError
from llm_claims.sagemaker.journal import Journal, default_folder
from llm_claims.sagemaker.names import RunId
from llm_claims.sagemaker.pace import Pace
from llm_claims.sagemaker.preflight import check_bucket, check_caller, check_region
from llm_claims.sagemaker.sweep import Sweep, sweep_of_older, sweep_of_run

_AGE = re.compile(r"(?P<count>\d+)\s*(?P<unit>[mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
EPILOG = """\
Resources of other runs are not touched. Exit status: 0, nothing is left; 1, something is left (with --dry-run: was
found); 4, an argument is wrong, or AWS cannot be asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    parser.epilog = EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--run", dest="run_id", metavar="ID", help="sweep this run, such as 20261123t015105-1a2b3c")
    which.add_argument("--older-than", metavar="AGE", help="sweep what any run created longer ago than 90m, 8h, 2d")
    parser.add_argument("--dry-run", action="store_true", help="list what is there, and remove nothing")
    parser.add_argument("--bucket", help="the bucket that runs upload to; default: LLM_CLAIMS_BUCKET")
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FOLDER",
        help="default: LLM_CLAIMS_JOURNAL, else this user's",
    )
    parser.add_argument(
        "--patience", type=float, default=Pace.patience, metavar="SECONDS", help="how long to try; default: 900"
    )
    parser.add_argument("--poll", type=float, default=Pace.poll, metavar="SECONDS", help=argparse.SUPPRESS)
    parser.add_argument("--settle", type=float, default=Pace.settle, metavar="SECONDS", help=argparse.SUPPRESS)


def sweep(given: argparse.Namespace) -> int:
    """Sweep, print the report, and return the exit status.

    Raises
    ------
    SetUpError
        An argument is wrong, or AWS cannot be asked.
    """
    account = Account.of_environment()
    if given.bucket:
        account = replace(account, bucket=given.bucket)
    prepared, journal = _prepared(given, account)
    report = prepared.look() if given.dry_run else prepared.run()
    if not given.dry_run:
        for entry in report.gone:
            journal.gone(entry)
    print(report.describe())
    return 0 if report.clean else 1


def _prepared(given: argparse.Namespace, account: Account) -> tuple[Sweep, Journal]:
    run = RunId(given.run_id) if given.run_id else None
    age = _age(given.older_than) if given.older_than else timedelta(0)
    check_region(account)
    check_caller(account)  # its check of the clock too: the age of a run is computed with it
    if account.bucket:
        # A run has its bucket in its own region: one that is elsewhere shows that so is the run.
        with suppress(BucketUnknown):
            check_bucket(account)
    pace = Pace(poll=given.poll, settle=given.settle, patience=given.patience)
    journal = Journal(given.journal or default_folder())
    if run is not None:
        return sweep_of_run(account, run, journal.entries(), pace=pace), journal
    return sweep_of_older(account, age, journal.entries(), now=datetime.now(UTC), pace=pace), journal


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text.strip())
    if not found:
        raise SetUpError(f"{text!r} is no age: give minutes, hours or days, such as 90m, 8h, 2d")
    return timedelta(**{_UNITS[found["unit"]]: int(found["count"])})
