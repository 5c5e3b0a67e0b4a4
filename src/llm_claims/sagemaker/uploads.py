"""Source code and models in the bucket: one folder a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from llm_claims.sagemaker.account import Account
from llm_claims.sagemaker.calls import looked_up, told
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.journal import ResourceKind
from llm_claims.sagemaker.kinds import State
from llm_claims.sagemaker.names import S3_ROOT, RunId


class Uploads:
    """The folders of runs in the account's bucket; without a bucket there are none."""

    kind: ResourceKind = "upload"

    def __init__(self, account: Account) -> None:
        self._account = account

    @property
    def bucket(self) -> str:
        """The bucket.

        Raises
        ------
        SetUpError
            None is set.
        """
        if not self._account.bucket:
            raise SetUpError("no bucket is set: name one in LLM_CLAIMS_BUCKET")
        return self._account.bucket

    def put(self, path: Path, key: str) -> str:
        """Upload one file; return its ``s3://`` address.

        Raises
        ------
        CloudError
            It could not be uploaded.
        """
        from boto3.s3.transfer import TransferConfig

        with told(self._account, f"uploading {path.name}"):
            self._account.client("s3").upload_file(
                str(path), self.bucket, key, Config=TransferConfig(use_threads=False)
            )
        return f"s3://{self.bucket}/{key}"

    def names(self, run: RunId | None) -> Iterator[str]:
        """The folders, with the slash at their end."""
        if run is not None:
            yield from [run.s3_prefix] if self.state(run.s3_prefix) == "there" else []
        elif self._account.bucket:
            yield from sorted({*self._folders(), *(_folder(upload["Key"]) for upload in self._unfinished(S3_ROOT))})

    def _folders(self) -> Iterator[str]:
        pages = self._account.client("s3").get_paginator("list_objects_v2").paginate
        for page in pages(Bucket=self.bucket, Prefix=S3_ROOT, Delimiter="/"):
            yield from (str(entry["Prefix"]) for entry in page.get("CommonPrefixes", []))

    def tagged(self, run: RunId | None) -> Iterable[tuple[str, str]]:
        """Nothing: objects bear no tags."""
        return ()

    def state(self, name: str) -> State:
        """Whether anything is in the folder."""
        if not self._account.bucket:
            return "gone"
        return "there" if any(self._objects(name)) or any(self._unfinished(name)) else "gone"

    def remove(self, name: str) -> None:
        """Delete all that is in the folder, and what was not uploaded to its end: that is billed, too."""
        client = self._account.client("s3")
        for keys in self._objects(name):
            answer = client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
            _raise_refusal(answer)
        for upload in self._unfinished(name):
            client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _objects(self, name: str) -> Iterator[list[dict[str, str]]]:
        pages = self._account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=name)
        found = looked_up(lambda: [[{"Key": entry["Key"]} for entry in page.get("Contents", [])] for page in pages])
        return (keys for keys in found or [] if keys)

    def _unfinished(self, name: str) -> list[dict[str, Any]]:
        client = self._account.client("s3")
        pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=name)
        return looked_up(lambda: [upload for page in pages for upload in page.get("Uploads", [])]) or []


def _folder(key: str) -> str:
    return S3_ROOT + key.removeprefix(S3_ROOT).partition("/")[0] + "/"


def _raise_refusal(answer: dict[str, Any]) -> None:
    from botocore.exceptions import ClientError

    for refused in answer.get("Errors", [])[:1]:
        raise ClientError({"Error": {"Code": refused["Code"], "Message": refused.get("Message", "")}}, "DeleteObjects")
