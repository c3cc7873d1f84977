"""python -m preprocessing: the steps by hand, for people and for machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from shelf import Shelf

from catalog import Catalog, open_blobs
from catalog.records import Reason, Stage, Subject, SubjectKind, Verdict
from preprocessing.__main__ import main
from preprocessing.checks import CHECKS
from preprocessing.decode import Pixels, encode_jpeg

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def configured(add, monkeypatch: pytest.MonkeyPatch, catalog: Catalog, tmp_path: Path) -> Catalog:
    """The command finds this test's catalog and blobs."""
    monkeypatch.setenv("FACELOOP_DATABASE", catalog.url)
    monkeypatch.setenv("FACELOOP_STORE", (tmp_path / "blobs").as_uri())
    return catalog


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_crop_and_check_by_hand(configured: Catalog, add, astronaut: Pixels, capsys) -> None:
    add(encode_jpeg(astronaut))
    add(b"not a photo")
    assert main(["crop", "--json"]) == 0
    assert last_line(capsys) == {"ok": True, "seen": 2, "made": 1, "refused": {"undecodable": 1}}
    assert main(["check", "--json"]) == 0
    assert last_line(capsys)["seen"] == 1


def test_any_photo_is_aligned_as_the_step_does_and_nothing_is_recorded(
    configured: Catalog, add, astronaut: Pixels, tmp_path: Path, capsys
) -> None:
    photo, out = tmp_path / "holiday.jpg", tmp_path / "me.jpg"
    photo.write_bytes(encode_jpeg(astronaut))
    assert main(["align", "--photo", str(photo), "--out", str(out), "--json"]) == 0
    told = last_line(capsys)
    assert (told["ok"], told["out"], told["resized"]) == (True, str(out), False)

    add(photo.read_bytes())
    assert main(["crop"]) == 0
    (face,) = configured.faces.of_photo(1)
    name = configured.faces.get(face.id).face.sha256_512
    assert open_blobs().get("faces", name) == out.read_bytes()


def test_a_photo_without_a_face_is_not_aligned(tmp_path: Path, capsys) -> None:
    photo = tmp_path / "wall.jpg"
    photo.write_bytes(encode_jpeg(np.full((200, 200, 3), 128, np.uint8)))
    assert main(["align", "--photo", str(photo), "--out", str(tmp_path / "out.jpg")]) == 1
    assert "no face was found in wall.jpg" in capsys.readouterr().err
    assert not (tmp_path / "out.jpg").exists()


def test_screen_and_validate_a_batch(configured: Catalog, add, astronaut: Pixels, capsys) -> None:
    add(encode_jpeg(astronaut))
    batch = str(configured.batches.open(key="today").id)
    assert main(["screen", "--batch", batch, "--json"]) == 0
    assert last_line(capsys)["seen"] == 1
    assert main(["validate", "--batch", batch, "--json"]) == 0
    answer = last_line(capsys)
    assert answer["ok"]
    assert Path(str(answer["docs"])).is_file()


def test_a_batch_is_opened_and_closed_by_hand(configured: Catalog, add, astronaut: Pixels, capsys) -> None:
    assert main(["open_batch", "--json"]) == 0
    assert last_line(capsys) == {"ok": True, "batch": None}
    add(encode_jpeg(astronaut))
    for _ in range(2):
        assert main(["open_batch", "--key", "today", "--json"]) == 0
        assert last_line(capsys) == {"ok": True, "batch": 1}
    assert main(["close_batch", "--batch", "1"]) == 1
    assert capsys.readouterr().err == "error: batch 1: 1 of 1 wait at the raw stage\n"
    configured.decisions.decide(
        Subject(SubjectKind.PHOTO, 1), stage=Stage.RAW, verdict=Verdict.REJECT, reason=Reason.OTHER, by="rita"
    )
    assert main(["close_batch", "--batch", "1", "--json"]) == 0
    assert last_line(capsys) == {"ok": True, "batch": 1, "approved": 0}


def test_measuring_in_a_folder_that_is_not_there_is_an_error(tmp_path: Path, capsys) -> None:
    manifest = tmp_path / "MANIFEST.csv"
    manifest.write_text("file,category,n_faces,makeup,eyes,defects\na.jpg,portrait,1,none,open,\n")
    assert main(["evaluate", "--faces", str(tmp_path / "none"), "--manifest", str(manifest)]) == 1
    assert capsys.readouterr().err == f"error: there is no folder {tmp_path / 'none'}\n"


def test_that_nobody_reads_on_is_no_error() -> None:
    nobody, ours = os.pipe()
    os.close(nobody)
    told = subprocess.run(
        [sys.executable, "-m", "preprocessing", "checks"],
        cwd=REPOSITORY,
        stdout=ours,
        stderr=subprocess.PIPE,
        check=True,
    )
    os.close(ours)
    assert told.stderr == b""


def test_without_json_it_speaks_to_people(configured: Catalog, add, capsys) -> None:
    add(b"not a photo")
    main(["crop"])
    assert capsys.readouterr().out == "1 photo seen, 0 faces made, 1 refused\n  refused 1: undecodable\n"


@pytest.mark.parametrize("verb", ["screen", "crop", "check", "validate"])
def test_a_batch_that_does_not_exist_is_an_error_in_one_line(configured: Catalog, verb: str, capsys) -> None:
    assert main([verb, "--batch", "99"]) == 1
    assert capsys.readouterr().err == "error: no batch 99\n"


def test_a_stopped_batch_is_told_and_fails(configured: Catalog, add, astronaut: Pixels, capsys) -> None:
    add(encode_jpeg(astronaut))
    assert main(["crop"]) == 0
    batch = str(configured.batches.open(key="today").id)
    assert main(["validate", "--batch", batch, "--json"]) == 1
    answer = last_line(capsys)
    assert answer["stopped"] is True
    assert "every face has its score" in str(answer["error"])


def test_a_model_that_is_missing_is_an_error_in_one_line(
    configured: Catalog, add, astronaut, monkeypatch, capsys
) -> None:
    from catalog.settings import settings

    monkeypatch.setenv("FACELOOP_LANDMARKS_MODEL", "/nowhere/model.dat")
    settings.cache_clear()
    add(encode_jpeg(astronaut))
    assert main(["crop"]) == 1
    assert capsys.readouterr().err == "error: no landmarks model at /nowhere/model.dat\n"


@pytest.mark.parametrize("wrong", [["crop", "--limit", "0"], ["screen"], ["blink"], []])
def test_a_command_that_makes_no_sense_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(wrong)
    assert stop.value.code == 2


def test_the_checks_can_be_listed(capsys) -> None:
    assert main(["checks", "--json"]) == 0
    assert [check["name"] for check in last_line(capsys)["checks"]] == list(CHECKS)


def test_the_steps_and_the_command_load_nothing_heavy() -> None:
    heavy = "{'cv2', 'dlib', 'torch', 'great_expectations', 'pandas', 'boto3', 'airflow'}"
    code = f"import sys, preprocessing.steps, preprocessing.__main__; print({heavy} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"


def test_duplicates_are_told_in_clusters_and_what_may_be_the_same_in_pairs(configured: Catalog, blobs, capsys) -> None:
    shelf = Shelf(configured, blobs)
    copies, (one, two) = shelf.alike(3, same=True), shelf.alike(2)
    assert main(["duplicates", "--json"]) == 0
    *text, last = capsys.readouterr().out.splitlines()
    assert text[0] == "4 photos within 8 bits: 2 photos in 1 cluster; 1 pair that may be the same"
    assert f"photos {one} (folder) and {two} (folder) may be the same" in text
    assert f"  {one} is better: it was there earlier; hash distance, 2 bits" in text
    told = json.loads(last)
    assert [[member["photo_id"] for member in each["members"]] for each in told["clusters"]] == [copies]
    assert [[member["photo_id"] for member in each["members"]] for each in told["perhaps"]] == [[one, two]]
    assert [(each["clusters"], each["perhaps"]) for each in told["preview"][1:4]] == [(0, 0), (0, 1), (1, 1)]
    assert told["unlooked"] == 0
