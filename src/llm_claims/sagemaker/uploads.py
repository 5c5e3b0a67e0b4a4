"""Source code and models in the bucket: one folder for each run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm_claims.sagemaker.calls import cloud_errors, if_exists
from llm_claims.sagemaker.errors import SetUpError
from llm_claims.sagemaker.names import S3_ROOT, RunId
from llm_claims.sagemaker.resources import Found, Resources


class Uploads(Resources):
    """The folders of runs in the account's bucket; none if no bucket is set. They have no tags."""

    type = "upload"

    @property
    def bucket(self) -> str:
        """The name of the bucket.

        Raises
        ------
        SetUpError
            No bucket is set.
        """
        if not self._account.bucket:
            raise SetUpError("no bucket is set: create one, and set LLM_CLAIMS_BUCKET to its name")
        return self._account.bucket

    def put(self, path: Path, key: str) -> str:
        """Upload one file; return its ``s3://`` address.

        Raises
        ------
        CloudError
            The upload failed.
        """
        from boto3.s3.transfer import TransferConfig

        secret = self._account.kms_key
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": secret} if secret else {}
        with cloud_errors(self._account, f"uploading {path.name}"):
            self._account.client("s3").upload_file(
                str(path), self.bucket, key, ExtraArgs=encryption, Config=TransferConfig(use_threads=False)
            )
        return f"s3://{self.bucket}/{key}"

    def listed(self, run: RunId | None) -> Iterator[Found]:
        """List the folder of one run, or those of any run, each as old as its newest object or unfinished upload.

        A folder's name ends in a slash.
        """
        if not self._account.bucket:
            return
        newest: dict[str, datetime] = {}
        for key, at in self._times(run.s3_prefix if run else S3_ROOT):
            newest[_folder(key)] = max(at, newest.get(_folder(key), at))
        for folder, at in sorted(newest.items()):
            yield Found(folder, RunId.of_s3_prefix(folder), at)

    def _times(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Yield key and time (UTC) of every object and unfinished upload below a prefix."""
        pages = self._account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in pages:
            yield from ((str(one["Key"]), one["LastModified"].astimezone(UTC)) for one in page.get("Contents", []))
        for upload in self._unfinished(prefix):
            yield str(upload["Key"]), upload["Initiated"].astimezone(UTC)

    def exists(self, name: str) -> bool:
        """Whether the folder has an object or an unfinished upload."""
        return bool(self._account.bucket) and (any(self._objects(name)) or any(self._unfinished(name)))

    def remove(self, name: str) -> None:
        """Delete all objects of the folder, and abort its unfinished uploads, which are billed too."""
        client = self._account.client("s3")
        for keys in self._objects(name):
            answer = client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})
            _raise_refusal(answer)
        for upload in self._unfinished(name):
            client.abort_multipart_upload(Bucket=self.bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _objects(self, name: str) -> Iterator[list[dict[str, str]]]:
        """Yield the keys of a folder in batches, as DeleteObjects takes them: at most 1000."""
        pages = self._account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=name)
        found = if_exists(lambda: [[{"Key": entry["Key"]} for entry in page.get("Contents", [])] for page in pages])
        return (keys for keys in found or [] if keys)

    def _unfinished(self, name: str) -> list[dict[str, Any]]:
        """Return the multipart uploads below a prefix that were neither completed nor aborted."""
        client = self._account.client("s3")
        pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=self.bucket, Prefix=name)
        return if_exists(lambda: [upload for page in pages for upload in page.get("Uploads", [])]) or []


def _folder(key: str) -> str:
    """Return the run's folder of an object: ``llm-claims/RUN/a/b`` → ``llm-claims/RUN/``."""
    return S3_ROOT + key.removeprefix(S3_ROOT).partition("/")[0] + "/"


def _raise_refusal(answer: dict[str, Any]) -> None:
    """Raise the first error of a DeleteObjects call: boto3 returns errors about single objects, and raises none."""
    from botocore.exceptions import ClientError

    for refused in answer.get("Errors", [])[:1]:
        raise ClientError({"Error": {"Code": refused["Code"], "Message": refused.get("Message", "")}}, "DeleteObjects")
