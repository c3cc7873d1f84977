"""Blobs: bytes named by their sha256, in a folder or in S3. ``kind`` is the word for what they are: photos, faces, ...

Storing the same bytes twice stores them once. A reader never sees half a blob: files are written aside, synced and
renamed; S3 shows an object only when it is whole.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from catalog.errors import BadInput, BlobCorrupt, BlobError, BlobMissing
from catalog.settings import settings

_NAME = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z_]*")
_PART = ".part-"


@dataclass(frozen=True, slots=True)
class Aside:
    """Bytes on their way into a store, seen by nobody until they are kept. ``safe``: they outlive a power cut."""

    kind: str
    name: str
    path: str | None = None
    safe: bool = False


class Blobs(Protocol):
    """What every store can do; one contract test runs on all of them."""

    def set_aside(self, kind: str, data: bytes | BinaryIO, *, name: str) -> Aside:
        """Write bytes, whose sha256 is ``name``, where nobody sees them yet. Threads may do so side by side."""

    def secure(self, asides: Iterable[Aside]) -> list[Aside]:
        """Wait until what was set aside outlives a power cut; give it back as safe. Many at a time cost little more
        than one."""

    def keep(self, asides: Iterable[Aside]) -> None:
        """Make blobs of what was set aside, securing what is not safe yet; when this returns they outlive a power
        cut."""

    def drop(self, asides: Iterable[Aside]) -> None:
        """Forget what was set aside and is not wanted."""

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

    def stored_before(self, kind: str, moment: datetime) -> Iterator[str]:
        """The names of the blobs that nobody has stored, or stored again, since a moment."""

    def drop_unfinished(self, kind: str, moment: datetime) -> int:
        """Remove what writers that died before a moment left half done; say how much."""


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

    def set_aside(self, kind: str, data: bytes | BinaryIO, *, name: str) -> Aside:
        """Write bytes where nobody sees them yet; not at all when there is such a blob."""
        target = self._path(kind, name)
        with _written(kind):
            if _freshened(target):
                return Aside(kind, name)
            folder = f"{self._folder}/{kind}"
            if not os.path.isdir(folder):
                os.makedirs(folder, exist_ok=True)
            path = f"{folder}/{_PART}{secrets.token_hex(8)}"
            try:
                if isinstance(data, bytes):
                    _write(path, data)
                else:
                    with open(path, "xb", opener=_for_us) as handle:
                        shutil.copyfileobj(data, handle, 1 << 20)
            except BaseException:
                _remove(path)
                raise
        return Aside(kind, name, path)

    def secure(self, asides: Iterable[Aside]) -> list[Aside]:
        """Let the disk begin with all of them, then wait for each."""
        asides = list(asides)
        with _written("what was set aside"), ExitStack() as opened:
            handles = [
                opened.enter_context(open(aside.path, "rb", buffering=0))
                for aside in asides
                if aside.path is not None and not aside.safe
            ]
            for handle in handles:  # begins to write what is not on the disk yet
                os.posix_fadvise(handle.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for handle in handles:
                os.fsync(handle.fileno())
        return [aside if aside.safe else Aside(aside.kind, aside.name, aside.path, safe=True) for aside in asides]

    def keep(self, asides: Iterable[Aside]) -> None:
        """Rename all to their names, then sync each folder once."""
        folders: set[str] = set()
        asides = list(asides)
        self.secure(asides)
        with _written("what was set aside"):
            for aside in asides:
                target = self._path(aside.kind, aside.name)
                if aside.path is None:
                    if not _freshened(target):
                        raise BlobMissing(f"no blob {aside.kind}/{aside.name}")  # swept up since
                    continue
                folder = os.path.dirname(target)
                if not os.path.isdir(folder):
                    os.makedirs(folder, exist_ok=True)
                    folders.add(os.path.dirname(folder))
                os.replace(aside.path, target)
                folders.add(folder)
            for folder in folders:
                _sync(folder)

    def drop(self, asides: Iterable[Aside]) -> None:
        """Forget what was set aside."""
        for aside in asides:
            if aside.path is not None:
                _remove(aside.path)

    def put(self, kind: str, data: bytes) -> str:
        """Store bytes; give their name."""
        name = hashlib.sha256(data).hexdigest()
        target = self._path(kind, name)
        if not _freshened(target):
            with _Aside(Path(target)) as handle:
                handle.write(data)
        return name

    def put_file(self, kind: str, path: Path) -> str:
        """Store a file's bytes without reading it whole; give their name."""
        name = file_sha256(path)
        target = self._path(kind, name)
        if not _freshened(target):
            with path.open("rb") as source, _Aside(Path(target)) as handle:
                shutil.copyfileobj(source, handle, 1 << 20)
        return name

    def get(self, kind: str, name: str) -> bytes:
        """The bytes, checked against their name."""
        try:
            data = Path(self._path(kind, name)).read_bytes()
        except FileNotFoundError:
            raise BlobMissing(f"no blob {kind}/{name}") from None
        return _whole(kind, name, data)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a blob."""
        return os.path.exists(self._path(kind, name))

    def delete(self, kind: str, name: str) -> None:
        """Remove a blob; nothing happens when there is none."""
        _remove(self._path(kind, name))

    def names(self, kind: str) -> Iterator[str]:
        """The names of every blob of a kind."""
        _check(kind)
        for path in (self._folder / kind).glob("??/*"):
            if _NAME.fullmatch(path.name):
                yield path.name

    def stored_before(self, kind: str, moment: datetime) -> Iterator[str]:
        """The names of the blobs that nobody has stored, or stored again, since a moment."""
        for name in self.names(kind):
            if _older(Path(self._path(kind, name)), moment):
                yield name

    def drop_unfinished(self, kind: str, moment: datetime) -> int:
        """Remove the temporary files of writers that died before a moment; say how many."""
        _check(kind)
        found = [*(self._folder / kind).glob(f"??/{_PART}*"), *(self._folder / kind).glob(f"{_PART}*")]
        left = [path for path in found if _older(path, moment)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _path(self, kind: str, name: str) -> str:  # a Path takes longer to make than its file's name to change
        _check(kind, name)
        return f"{self._folder}/{kind}/{name[:2]}/{name}"


def _for_us(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _write(path: str, data: bytes) -> None:
    """A new file, by the system's calls alone: Python's own file asks it six times more for each small one."""
    handle = _for_us(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        left = memoryview(data)
        while left:
            left = left[os.write(handle, left) :]  # a disk that is nearly full takes a part
    finally:
        os.close(handle)


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _freshened(path: str) -> bool:
    """Whether a blob is there; then it counts as stored now, so that a sweep that runs meanwhile leaves it."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _older(path: Path, moment: datetime) -> bool:
    try:
        return path.stat().st_mtime < moment.timestamp()
    except FileNotFoundError:
        return False


class _Aside:
    """A temporary file beside its target: synced and renamed when the block ends well, removed when not."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> IO[bytes]:
        self._target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self._target.parent, prefix=_PART)
        self._path, self._handle = Path(name), os.fdopen(descriptor, "wb")
        return self._handle

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if error is not None:
            self._handle.close()
            self._path.unlink(missing_ok=True)
            return
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()
        self._path.replace(self._target)
        _sync(self._target.parent)


def _sync(folder: str | Path) -> None:
    """Let the names in a folder, too, survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _written(what: str) -> Iterator[None]:
    """Turn what the system says of a disk that is full, gone or read-only into our words."""
    try:
        yield
    except OSError as error:
        raise BlobError(f"the blob store cannot write {what}: {error.strerror or error}") from error


class S3Blobs:
    """Blobs in an S3 bucket: ``prefix/kind/abcd...``. ``AWS_ENDPOINT_URL`` and the usual credentials are honoured."""

    def __init__(self, bucket: str, prefix: str = "") -> None:
        import boto3

        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        with _served():
            self._client: Any = boto3.client("s3")

    def __reduce__(self) -> tuple[type[S3Blobs], tuple[str, str]]:
        # Another process opens a connection of its own.
        return S3Blobs, (self._bucket, self._prefix.rstrip("/"))

    def set_aside(self, kind: str, data: bytes | BinaryIO, *, name: str) -> Aside:
        """Store bytes: under their own name, since what no row names is seen by nobody, and swept up in the end."""
        if not self._is_fresh(kind, name):
            with _served():
                self._client.put_object(Bucket=self._bucket, Key=self._key(kind, name), Body=data)
        return Aside(kind, name, safe=True)

    def secure(self, asides: Iterable[Aside]) -> list[Aside]:
        """What S3 has taken is safe."""
        return list(asides)

    def keep(self, asides: Iterable[Aside]) -> None:
        """Nothing is left to do."""

    def drop(self, asides: Iterable[Aside]) -> None:
        """Left to the sweep: another worker may have stored the same bytes a moment ago."""

    def put(self, kind: str, data: bytes) -> str:
        """Store bytes; give their name."""
        name = hashlib.sha256(data).hexdigest()
        if not self._is_fresh(kind, name):
            with _served():
                self._client.put_object(Bucket=self._bucket, Key=self._key(kind, name), Body=data)
        return name

    def put_file(self, kind: str, path: Path) -> str:
        """Store a file's bytes, in parts when it is large; give their name."""
        name = file_sha256(path)
        if not self._is_fresh(kind, name):
            with _served():
                self._client.upload_file(str(path), self._bucket, self._key(kind, name))
        return name

    def get(self, kind: str, name: str) -> bytes:
        """The bytes, checked against their name."""
        key = self._key(kind, name)
        with _served(missing=f"no blob {kind}/{name}"):
            data = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return _whole(kind, name, data)

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such a blob."""
        return self._stored_at(kind, name) is not None

    def delete(self, kind: str, name: str) -> None:
        """Remove a blob; nothing happens when there is none."""
        key = self._key(kind, name)
        with _served():
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def names(self, kind: str) -> Iterator[str]:
        """The names of every blob of a kind."""
        return (name for name, _ in self._listed(kind))

    def stored_before(self, kind: str, moment: datetime) -> Iterator[str]:
        """The names of the blobs that nobody has stored, or stored again, since a moment."""
        return (name for name, stored_at in self._listed(kind) if stored_at < moment)

    def drop_unfinished(self, kind: str, moment: datetime) -> int:
        """Give up the uploads in parts that were begun before a moment and never ended; say how many."""
        _check(kind)
        dropped = 0
        with _served():
            pages = self._client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{kind}/"
            )
            for page in pages:
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < moment:
                        self._client.abort_multipart_upload(
                            Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                        )
                        dropped += 1
        return dropped

    def _listed(self, kind: str) -> Iterator[tuple[str, datetime]]:
        _check(kind)
        prefix = f"{self._prefix}{kind}/"
        with _served():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for entry in page.get("Contents", ()):
                    name = entry["Key"].removeprefix(prefix)
                    if _NAME.fullmatch(name):
                        yield name, entry["LastModified"]

    def _stored_at(self, kind: str, name: str) -> datetime | None:
        key = self._key(kind, name)
        try:
            with _served(missing="no such blob"):
                head = self._client.head_object(Bucket=self._bucket, Key=key)
        except BlobMissing:
            return None
        return head["LastModified"]

    def _is_fresh(self, kind: str, name: str) -> bool:
        """Whether a blob is there and so new that no sweep is after it; an older one is stored again."""
        stored_at = self._stored_at(kind, name)
        return stored_at is not None and datetime.now(UTC) - stored_at < timedelta(minutes=30)

    def _key(self, kind: str, name: str) -> str:
        _check(kind, name)
        return f"{self._prefix}{kind}/{name}"


@contextmanager
def _served(*, missing: str = "") -> Iterator[None]:
    """Turn what botocore says of a store that fails into our words."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if missing and code in {"NoSuchKey", "404"}:
            raise BlobMissing(missing) from None
        raise BlobError(f"the blob store refused: {code or error}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise BlobError(f"the blob store could not serve: {error}") from error


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
