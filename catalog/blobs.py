"""Blobs: bytes named by their sha256, in a folder or in S3. ``kind`` is the word for what they are: photos, faces, ...

Storing the same bytes twice stores them once. A reader never sees half a blob: files are written aside, synced and
renamed; S3 shows an object only when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from catalog.errors import BadInput, BlobCorrupt, BlobMissing
from catalog.settings import settings

_NAME = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z_]*")


class Blobs(Protocol):
    """What every store can do; one contract test runs on all of them."""

    def put(self, kind: str, data: bytes) -> str:
        """Store bytes; give their name."""

    def put_file(self, kind: str, path: Path) -> str:
        """Store a file's bytes without reading it whole; give their name."""

    def get(self, kind: str, name: str) -> bytes:
        """The bytes; BlobMissing when there are none, BlobCorrupt when they do not hash to their name."""

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a blob."""

    def delete(self, kind: str, name: str) -> None:
        """Remove a blob; nothing happens when there is none."""

    def names(self, kind: str) -> Iterator[str]:
        """The names of every blob of a kind."""


def open_blobs(url: str = "") -> Blobs:
    """The store at a URL (``file:///...`` or ``s3://bucket/prefix``), or the configured one."""
    url = url or settings().store_url
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return FolderBlobs(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return S3Blobs(parts.netloc, parts.path.strip("/"))
    raise BadInput(f"a store is file:///folder or s3://bucket/prefix, not {url!r}")


class FolderBlobs:
    """Blobs in a folder: ``kind/ab/abcd...``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, kind: str, data: bytes) -> str:
        """Store bytes; give their name."""
        name = hashlib.sha256(data).hexdigest()
        target = self._path(kind, name)
        if not target.exists():
            with self._aside(target) as (handle, _):
                handle.write(data)
        return name

    def put_file(self, kind: str, path: Path) -> str:
        """Store a file's bytes without reading it whole; give their name."""
        name = file_sha256(path)
        target = self._path(kind, name)
        if not target.exists():
            with path.open("rb") as source, self._aside(target) as (handle, _):
                while piece := source.read(1 << 20):
                    handle.write(piece)
        return name

    def get(self, kind: str, name: str) -> bytes:
        """The bytes, checked against their name."""
        try:
            data = self._path(kind, name).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"no blob {kind}/{name}") from None
        return _whole(kind, name, data)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a blob."""
        return self._path(kind, name).exists()

    def delete(self, kind: str, name: str) -> None:
        """Remove a blob; nothing happens when there is none."""
        self._path(kind, name).unlink(missing_ok=True)

    def names(self, kind: str) -> Iterator[str]:
        """The names of every blob of a kind."""
        _check(kind)
        for path in (self._folder / kind).glob("??/*"):
            if _NAME.fullmatch(path.name):
                yield path.name

    def _path(self, kind: str, name: str) -> Path:
        _check(kind, name)
        return self._folder / kind / name[:2] / name

    def _aside(self, target: Path) -> _Aside:
        return _Aside(target)


class _Aside:
    """A temporary file beside its target: synced and renamed when the block ends well, removed when not."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> tuple[Any, Path]:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._target.parent, prefix=".part-")
        self._path, self._handle = Path(name), os.fdopen(descriptor, "wb")
        return self._handle, self._path

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self._handle.close()
            self._path.unlink(missing_ok=True)
            return
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        self._path.replace(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too, must survive a power cut
        finally:
            os.close(folder)


class S3Blobs:
    """Blobs in an S3 bucket: ``prefix/kind/abcd...``. ``AWS_ENDPOINT_URL`` and the usual credentials are honoured."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        import boto3

        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client: Any = boto3.client("s3")

    def put(self, kind: str, data: bytes) -> str:
        """Store bytes; give their name."""
        name = hashlib.sha256(data).hexdigest()
        if not self.has(kind, name):
            self._client.put_object(Bucket=self._bucket, Key=self._key(kind, name), Body=data)
        return name

    def put_file(self, kind: str, path: Path) -> str:
        """Store a file's bytes, in parts when it is large; give their name."""
        name = file_sha256(path)
        if not self.has(kind, name):
            self._client.upload_file(str(path), self._bucket, self._key(kind, name))
        return name

    def get(self, kind: str, name: str) -> bytes:
        """The bytes, checked against their name."""
        from botocore.exceptions import ClientError

        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=self._key(kind, name))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                raise BlobMissing(f"no blob {kind}/{name}") from None
            raise
        return _whole(kind, name, answer["Body"].read())

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a blob."""
        from botocore.exceptions import ClientError

        try:
            self._client.head_object(Bucket=self._bucket, Key=self._key(kind, name))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                return False
            raise
        return True

    def delete(self, kind: str, name: str) -> None:
        """Remove a blob; nothing happens when there is none."""
        self._client.delete_object(Bucket=self._bucket, Key=self._key(kind, name))

    def names(self, kind: str) -> Iterator[str]:
        """The names of every blob of a kind."""
        _check(kind)
        prefix = f"{self._prefix}{kind}/"
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                yield entry["Key"].removeprefix(prefix)

    def _key(self, kind: str, name: str) -> str:
        _check(kind, name)
        return f"{self._prefix}{kind}/{name}"


def file_sha256(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _check(kind: str, name: str | None = None) -> None:
    if not _KIND.fullmatch(kind) or (name is not None and not _NAME.fullmatch(name)):
        raise BadInput(f"not a blob's name: {kind!r}/{name!r}")


def _whole(kind: str, name: str, data: bytes) -> bytes:
    if hashlib.sha256(data).hexdigest() != name:
        raise BlobCorrupt(f"blob {kind}/{name} does not hash to its name")
    return data
