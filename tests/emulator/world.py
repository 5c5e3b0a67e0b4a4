"""What the parts of the emulator share."""

from __future__ import annotations

import itertools
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.emulator.clock import Clock
from tests.emulator.errors import denied, invalid
from tests.emulator.faults import FaultBook
from tests.emulator.ledger import Ledger
from tests.emulator.logs import Logs
from tests.emulator.settings import Settings
from tests.emulator.shelf import ACCOUNT, Shelf
from tests.emulator.storage import Storage
from tests.emulator.wire import INTERNAL

REGION = "us-east-1"
ROLE_NAME = "llm-claims-emulator"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/{ROLE_NAME}"
BUCKET = "llm-claims-emulator"


@dataclass
class World:
    """One emulated account."""

    url: str
    folder: Path
    namespaces: bool
    settings: Settings = field(default_factory=Settings)
    clock: Clock = field(default_factory=Clock)
    faults: FaultBook = field(default_factory=FaultBook)
    ledger: Ledger = field(default_factory=Ledger)
    shelf: Shelf = field(default_factory=Shelf)

    def __post_init__(self) -> None:
        self._clients: dict[str, Any] = {service: self._client(service) for service in ("logs", "s3", "iam")}
        self.logs = Logs(self.client("logs"))
        self.storage = Storage(self.client("s3"))
        self._folders = itertools.count(1)

    def furnish(self) -> None:
        """Make the role and the bucket that a run needs."""
        services = ["sagemaker.amazonaws.com", "scheduler.amazonaws.com"]
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": services}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        self.client("iam").create_role(RoleName=ROLE_NAME, AssumeRolePolicyDocument=policy)
        self.client("s3").create_bucket(Bucket=BUCKET)

    def forget(self) -> None:
        """Drop what was made, called, set and logged. What runs must have been ended."""
        self.faults.clear()
        self.ledger.clear()
        self.shelf.clear()
        self.logs.clear()
        self.settings.update(vars(Settings()))
        self.clock.offset_seconds, self.clock.strict = 0.0, False
        for folder in self.folder.iterdir():
            shutil.rmtree(folder, ignore_errors=True)

    def client(self, service: str) -> Any:
        """A client of this emulator for its own use: not counted, no faults."""
        return self._clients[service]

    def _client(self, service: str) -> Any:
        config = Config(user_agent_extra=INTERNAL, retries={"total_max_attempts": 1})
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            config=config,
            aws_access_key_id="emulator",
            aws_secret_access_key="emulator",
        )

    def new_folder(self, name: str) -> Path:
        path = self.folder / f"{next(self._folders)}-{name}"
        path.mkdir(parents=True)
        return path

    def check_role(self, arn: str) -> None:
        """Refuse a role that may not be passed, or is not there."""
        user = f"arn:aws:iam::{ACCOUNT}:user/emulated"
        if "iam:PassRole" in self.settings.denied:
            raise denied(user, "iam:PassRole", arn)
        iam = self.client("iam")
        try:
            iam.get_role(RoleName=arn.rpartition("/")[2])
        except iam.exceptions.NoSuchEntityException:
            text = (
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role."
            )
            raise invalid(text) from None

    def check_image(self, image: str) -> None:
        """Refuse an image that no registry has."""
        if any(part in image for part in self.settings.missing_images):
            raise invalid(f"Requested image {image} not found.")
