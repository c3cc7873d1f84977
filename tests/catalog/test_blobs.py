"""One contract for every blob store: a folder, and S3 as moto's server speaks it."""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from catalog.blobs import Blobs, FolderBlobs, S3Blobs, open_blobs
from catalog.errors import BadInput, BlobCorrupt, BlobError, BlobMissing

ABSENT = "0" * 64


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of that server, whose one bucket is empty."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="faceloop")
    for entry in client.list_objects_v2(Bucket="faceloop").get("Contents", ()):
        client.delete_object(Bucket="faceloop", Key=entry["Key"])
    return client


@pytest.fixture(params=["file", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """An empty store of each kind."""
    if request.param == "file":
        return open_blobs((tmp_path / "a store").as_uri())
    request.getfixturevalue("s3")
    return open_blobs("s3://faceloop/some/prefix")


def test_bytes_come_back_under_the_name_that_they_hash_to(blobs: Blobs) -> None:
    name = blobs.put("photos", b"light")
    assert name == hashlib.sha256(b"light").hexdigest()
    assert blobs.get("photos", name) == b"light"
    assert blobs.has("photos", name)


def test_a_blob_belongs_to_its_kind(blobs: Blobs) -> None:
    name = blobs.put("photos", b"light")
    assert not blobs.has("faces", name)
    with pytest.raises(BlobMissing):
        blobs.get("faces", name)
    assert list(blobs.names("faces")) == []


def test_the_same_bytes_are_kept_once(blobs: Blobs) -> None:
    assert blobs.put("photos", b"light") == blobs.put("photos", b"light")
    assert len(list(blobs.names("photos"))) == 1


def test_no_bytes_are_bytes_too(blobs: Blobs) -> None:
    assert blobs.get("photos", blobs.put("photos", b"")) == b""


@pytest.mark.parametrize("size", [0, 10, 9 * 2**20])
def test_a_file_is_kept_as_its_bytes_are(blobs: Blobs, tmp_path: Path, size: int) -> None:
    path = tmp_path / "checkpoint.bin"
    path.write_bytes(os.urandom(size))
    name = blobs.put_file("runs", path)
    assert name == blobs.put("runs", path.read_bytes())
    assert blobs.get("runs", name) == path.read_bytes()


def test_every_name_of_a_kind_is_listed(blobs: Blobs) -> None:
    names = {blobs.put("faces", bytes([number])) for number in range(20)}
    blobs.put("photos", b"another kind")
    assert set(blobs.names("faces")) == names
    assert list(blobs.names("reports")) == []


def test_what_is_deleted_is_gone_and_deleting_again_harms_nothing(blobs: Blobs) -> None:
    name = blobs.put("photos", b"light")
    blobs.delete("photos", name)
    blobs.delete("photos", name)
    assert not blobs.has("photos", name)
    with pytest.raises(BlobMissing):
        blobs.get("photos", name)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("photos", "../../etc/passwd"),
        ("photos", "A" * 64),
        ("photos", ABSENT + "\n"),
        ("photos", ABSENT[:-1]),
        ("../photos", ABSENT),
        ("", ABSENT),
        ("Photos", ABSENT),
    ],
)
def test_a_name_is_a_kind_and_a_sha256_and_nothing_else(blobs: Blobs, kind: str, name: str) -> None:
    for act in (blobs.get, blobs.has, blobs.delete):
        with pytest.raises(BadInput):
            act(kind, name)
    if kind != "photos":
        with pytest.raises(BadInput):
            blobs.put(kind, b"light")


def test_the_names_stored_long_ago_are_told_from_the_fresh_ones(blobs: Blobs) -> None:
    name = blobs.put("photos", b"light")
    now = datetime.now(UTC)
    assert list(blobs.stored_before("photos", now + timedelta(seconds=5))) == [name]
    assert list(blobs.stored_before("photos", now - timedelta(hours=1))) == []


def test_changed_bytes_are_not_served_from_a_folder(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = blobs.put("photos", b"light")
    (tmp_path / "photos" / name[:2] / name).write_bytes(b"night")
    with pytest.raises(BlobCorrupt):
        blobs.get("photos", name)


def test_changed_bytes_are_not_served_from_s3(s3: Any) -> None:
    blobs = S3Blobs("faceloop")
    name = blobs.put("photos", b"light")
    s3.put_object(Bucket="faceloop", Key=f"photos/{name}", Body=b"night")
    with pytest.raises(BlobCorrupt):
        blobs.get("photos", name)


def test_what_a_killed_writer_left_in_a_folder_is_no_blob_and_is_cleared_away(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = blobs.put("photos", b"light")
    half = tmp_path / "photos" / name[:2] / ".part-1234"
    half.write_bytes(b"lig")
    assert list(blobs.names("photos")) == [name]
    assert blobs.drop_unfinished("photos", datetime.now(UTC) - timedelta(hours=1)) == 0
    assert blobs.drop_unfinished("photos", datetime.now(UTC) + timedelta(seconds=5)) == 1
    assert not half.exists()
    assert blobs.get("photos", name) == b"light"


def test_what_a_killed_writer_left_in_s3_is_cleared_away(s3: Any) -> None:
    blobs = S3Blobs("faceloop", "prefix")
    s3.create_multipart_upload(Bucket="faceloop", Key=f"prefix/runs/{ABSENT}")
    assert blobs.drop_unfinished("runs", datetime.now(UTC) + timedelta(days=1)) == 1
    assert blobs.drop_unfinished("runs", datetime.now(UTC) + timedelta(days=1)) == 0


def test_storing_old_bytes_again_makes_them_fresh(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    name = blobs.put("photos", b"light")
    long_ago = time.time() - 100_000
    os.utime(tmp_path / "photos" / name[:2] / name, (long_ago, long_ago))
    assert list(blobs.stored_before("photos", datetime.now(UTC) - timedelta(hours=1))) == [name]
    blobs.put("photos", b"light")
    assert list(blobs.stored_before("photos", datetime.now(UTC) - timedelta(hours=1))) == []


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    with pytest.raises(FileNotFoundError):
        blobs.put_file("photos", tmp_path / "not there")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_store_that_does_not_answer_is_a_blob_error(monkeypatch: pytest.MonkeyPatch, s3: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    for act in (lambda b: b.put("photos", b"x"), lambda b: b.get("photos", ABSENT), lambda b: list(b.names("photos"))):
        with pytest.raises(BlobError):
            act(S3Blobs("faceloop"))


def test_a_bucket_that_is_not_there_is_a_blob_error(s3: Any) -> None:
    with pytest.raises(BlobError, match="NoSuchBucket"):
        S3Blobs("elsewhere").get("photos", ABSENT)


@pytest.mark.parametrize("url", ["ftp://host/x", "/var/lib/x", "s3:///no-bucket", "file://", "nonsense"])
def test_a_store_has_a_url_that_is_understood(url: str) -> None:
    with pytest.raises(BadInput, match="a store is"):
        open_blobs(url)


def test_without_a_url_the_store_is_the_configured_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = open_blobs().put("photos", b"light")
    assert (tmp_path / "home" / "blobs" / "photos" / name[:2] / name).read_bytes() == b"light"


def test_what_is_set_aside_is_a_blob_once_it_is_kept(blobs: Blobs) -> None:
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(5)]
    asides = [blobs.set_aside("photos", bytes([number]), name=name) for number, name in enumerate(names)]
    blobs.keep(asides)
    blobs.keep([blobs.set_aside("photos", io.BytesIO(b"\x00"), name=names[0])])  # the same bytes again
    assert sorted(blobs.names("photos")) == sorted(names)
    assert [blobs.get("photos", name) for name in names] == [bytes([number]) for number in range(5)]


def test_what_was_secured_is_safe_and_may_be_kept_later(blobs: Blobs) -> None:
    names = [hashlib.sha256(bytes([number])).hexdigest() for number in range(3)]
    secured = blobs.secure([blobs.set_aside("photos", bytes([number]), name=name) for number, name in enumerate(names)])
    assert all(aside.safe for aside in secured)
    blobs.keep(secured)
    assert [blobs.get("photos", name) for name in names] == [bytes([number]) for number in range(3)]


def test_what_is_set_aside_in_a_folder_is_seen_by_nobody_until_it_is_kept(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    one, two = (store.set_aside("photos", data, name=hashlib.sha256(data).hexdigest()) for data in (b"a", b"b"))
    assert list(store.names("photos")) == []
    store.drop([one])
    store.keep([two])
    assert [store.get("photos", name) for name in store.names("photos")] == [b"b"]
    assert list(tmp_path.rglob(".part-*")) == []


def test_what_a_dead_worker_set_aside_is_swept_up(tmp_path: Path) -> None:
    store = FolderBlobs(tmp_path)
    store.set_aside("photos", b"a", name=hashlib.sha256(b"a").hexdigest())
    assert store.drop_unfinished("photos", datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.drop_unfinished("photos", datetime.now(UTC) + timedelta(hours=1)) == 1


def test_a_disk_that_takes_nothing_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("a file where the store wants its folder")
    with pytest.raises(BlobError, match="cannot write photos"):
        FolderBlobs(tmp_path).set_aside("photos", b"a", name=ABSENT)
