"""Settings come from the environment; without any, everything lies in one home folder; no secret is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from catalog.settings import Settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from any .env."""
    monkeypatch.chdir(tmp_path)


def test_without_settings_rows_and_bytes_lie_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_HOME", "some where")
    made = Settings()
    assert made.database_url == f"sqlite:///{tmp_path}/some where/catalog.db"
    assert made.store_url == f"file://{tmp_path}/some%20where/blobs"


def test_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELOOP_DATABASE", "postgresql+psycopg://faceloop@db/faceloop")
    monkeypatch.setenv("FACELOOP_STORE", "s3://faceloop/prefix")
    monkeypatch.setenv("FACELOOP_RETRAIN_MIN_FACES", "40")
    made = Settings()
    assert (made.database_url, made.store_url, made.retrain_min_faces) == (
        "postgresql+psycopg://faceloop@db/faceloop",
        "s3://faceloop/prefix",
        40,
    )


def test_the_environment_beats_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("FACELOOP_CONTACT=file\nFACELOOP_TRAIN_SEED=5\nSOMETHING_ELSE=1\n")
    monkeypatch.setenv("FACELOOP_CONTACT", "environment")
    assert (Settings().contact, Settings().train_seed) == ("environment", 5)


def test_twenty_thousand_faces_are_asked_for_unless_said_otherwise() -> None:
    assert Settings().retrain_min_faces == 20000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETRAIN_MIN_FACES", "0"),
        ("RETRAIN_MIN_FACES", "many"),
        ("LEASE_SECONDS", "0"),
        ("NEAR_DUPLICATE_BITS", "65"),
        ("EXPORT_FORMATS", "onnx, tflite"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"FACELOOP_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELOOP_INSTAGRAM_PASSWORD", "hunter2")
    monkeypatch.setenv("FACELOOP_TWITTER_BEARER_TOKEN", "AAAAsecret")
    shown = f"{Settings()!r} {Settings()} {Settings().model_dump_json()}"
    assert "hunter2" not in shown
    assert "AAAAsecret" not in shown


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
