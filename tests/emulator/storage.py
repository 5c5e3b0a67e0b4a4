"""S3, as jobs and endpoints read and write it."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class Storage:
    """Downloads and uploads by s3:// address."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def download(self, uri: str, folder: Path) -> int:
        """Fetch every object under a prefix into `folder`; return how many there were."""
        bucket, prefix = _split(uri)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [row["Key"] for page in pages for row in page.get("Contents", []) if not row["Key"].endswith("/")]
        for key in keys:
            beyond = key[len(prefix) :].lstrip("/")
            target = folder / (beyond or Path(key).name)
            target.parent.mkdir(parents=True, exist_ok=True)
            self._client.download_file(bucket, key, str(target))
        return len(keys)

    def unpack(self, uri: str, folder: Path) -> None:
        """Fetch an archive and unpack it into `folder`."""
        bucket, key = _split(uri)
        archive = folder.with_suffix(".tar.gz")
        self._client.download_file(bucket, key, str(archive))
        folder.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as tar:
            # Not an argument of extractall: Python 3.11 has that only since 3.11.4.
            tar.extraction_filter = getattr(tarfile, "data_filter", None)
            tar.extractall(folder)
        archive.unlink()

    def pack(self, folder: Path, uri: str) -> None:
        """Put what is in `folder` into an archive at `uri`."""
        archive = folder.with_suffix(".tar.gz")
        with tarfile.open(archive, "w:gz") as tar:
            for path in sorted(folder.iterdir()):
                tar.add(path, arcname=path.name)
        bucket, key = _split(uri)
        self._client.upload_file(str(archive), bucket, key)
        archive.unlink()


def _split(uri: str) -> tuple[str, str]:
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{uri!r} is not an s3:// address")
    return parts.netloc, parts.path.lstrip("/")
