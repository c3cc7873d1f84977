"""evaluate: labelled photos in, rates out; what cannot be read is told and stops nothing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo import portraits
from preprocessing.__main__ import main
from preprocessing.align import align, cut
from preprocessing.checks import CHECKS, PhotoView
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.detect import Detector
from preprocessing.evaluation import BadManifest, read
from preprocessing.evaluation.case import QUESTIONS
from preprocessing.evaluation.cuts import head_top_before_plain_wall, share_outside, without_top
from preprocessing.evaluation.fitted import fitted_on
from preprocessing.evaluation.manifest import eyes_of
from preprocessing.geometry import FoundFace, Square, padded_fraction

COLUMNS = ["file", "category", "n_faces", "makeup", "eyes", "defects"]
RATES = {"auc", "tpr_at_1pct_fpr", "tpr", "fpr", "n_positive", "n_negative"}


def manifest(folder: Path, rows: list[list[str]], columns: list[str] = COLUMNS) -> Path:
    path = folder / "labels.csv"
    with path.open("w", newline="") as handle:
        csv.writer(handle).writerows([columns, *rows])
    return path


def evaluated(folder: Path, labels: Path, capsys: pytest.CaptureFixture[str]) -> dict:
    assert main(["evaluate", "--faces", str(folder), "--manifest", str(labels), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# ----------------------------------------------------------------------------------------- the manifest


@pytest.mark.parametrize(
    ("label", "right", "left"),
    [
        ("open", True, True),
        ("both_open", True, True),
        ("both_closed", False, False),
        ("closed", False, False),
        ("image-left closed, image-right open", False, True),
        ("image-left open, image-right closed", True, False),
        ("image-left closed, image-right squint", False, None),
        ("narrow", None, None),
        ("unlabelled", None, None),
        ("", None, None),
    ],
)
def test_the_eye_on_the_left_of_the_picture_is_the_persons_right_one(label: str, right, left) -> None:
    assert eyes_of(label) == (right, left)


@given(label=st.text())
def test_any_label_of_eyes_says_something_or_nothing(label: str) -> None:
    assert set(eyes_of(label)) <= {True, False, None}


def test_missing_optional_columns_are_empty(tmp_path: Path) -> None:
    (photo,) = read(manifest(tmp_path, [["a.jpg", "eyes", "1", "none", "open", "wink; fringe;"]]))
    assert (photo.file, photo.faces, photo.defects) == ("a.jpg", 1, {"wink", "fringe"})
    assert (photo.person, photo.repository, photo.head_top) == ("", "", None)


def test_several_faces_may_be_counted_or_called_many(tmp_path: Path) -> None:
    rows = [["a.jpg", "several_faces", n, "", "", ""] for n in ("many", "29", "0", "?", "")]
    assert [photo.faces for photo in read(manifest(tmp_path, rows))] == [2, 29, 0, None, None]


def test_a_column_that_is_needed_is_named(tmp_path: Path, capsys) -> None:
    labels = manifest(tmp_path, [["a.jpg", "eyes"]], ["file", "category"])
    with pytest.raises(BadManifest, match="n_faces, makeup, eyes, defects"):
        read(labels)
    assert main(["evaluate", "--faces", str(tmp_path), "--manifest", str(labels)]) == 1
    assert capsys.readouterr().err == "error: labels.csv has no column n_faces, makeup, eyes, defects\n"


def test_a_manifest_that_is_no_csv_is_an_error_in_one_line(tmp_path: Path, capsys) -> None:
    (tmp_path / "labels.csv").write_bytes(b"\xff\xfe\x00")
    assert main(["evaluate", "--faces", str(tmp_path), "--manifest", str(tmp_path / "labels.csv")]) == 1
    assert "labels.csv is no CSV in UTF-8" in capsys.readouterr().err


# -------------------------------------------------------------------------------------- the whole command


def test_photos_that_cannot_be_read_are_counted_and_told(tmp_path: Path, astronaut: Pixels, capsys) -> None:
    (tmp_path / "good.jpg").write_bytes(encode_jpeg(astronaut))
    (tmp_path / "broken.jpg").write_bytes(b"not a photo")
    files = ["good.jpg", "broken.jpg", "gone.jpg", "."]
    labels = manifest(tmp_path, [[file, "portrait", "1", "none", "open", ""] for file in files])
    answer = evaluated(tmp_path, labels, capsys)
    assert answer["ok"]
    assert answer["photos"] == 1
    assert set(answer["unreadable"]) == {"broken.jpg", "gone.jpg", "."}
    assert answer["faceless"] == []
    assert list(answer["checks"]) == list(QUESTIONS)
    for row in answer["checks"].values():
        assert row.keys() >= RATES
        assert row["version"] == CHECKS[row["check"]].version
    assert answer["checks"]["eye_closed"]["n_negative"] == 2
    assert answer["checks"]["kaleidoscope"]["tpr"] == 1
    assert answer["checks"]["kaleidoscope"]["fpr"] == 0
    assert answer["checks"]["mirrored_padding"]["largest_error"] < 0.005


@pytest.mark.parametrize(
    ("defects", "frontal", "row"),
    [
        ("text", "yes", "text_labelled"),
        ("fringe", "yes", "fringe_labelled"),
        ("hand", "yes", "hand_or_product_labelled"),
        ("product_in_frame", "yes", "hand_or_product_labelled"),
        ("", "turned", "turned_away"),
    ],
)
def test_what_a_label_names_should_be_flagged_and_is_no_clean_portrait(
    tmp_path: Path, astronaut: Pixels, capsys, defects: str, frontal: str, row: str
) -> None:
    rows = [
        ["a.jpg", "portrait", "1", "none", "open", defects, frontal],
        ["b.jpg", "portrait", "1", "none", "open", "", "near"],
    ]
    for number, (file, *_) in enumerate(rows):
        (tmp_path / file).write_bytes(encode_jpeg(astronaut, quality=80 + number))
    checks = evaluated(tmp_path, manifest(tmp_path, rows, [*COLUMNS, "frontal"]), capsys)["checks"]
    assert (checks[row]["n_positive"], checks[row]["n_negative"]) == (1, 1)
    drawn_over = {"text": "caption", "fringe": "fringe", "hand": "hand", "product_in_frame": "product_at_the_face"}
    if defects:
        assert checks[drawn_over[defects]]["n_positive"] == 1, "nothing is drawn over what is covered already"


def test_what_the_weights_were_fitted_on_is_told(tmp_path: Path, astronaut: Pixels, capsys) -> None:
    known = sorted(fitted_on(CHECKS["left_eye_open"].version))[0]
    rows = [[f"{n}.jpg", "portrait", "1", "none", "open", "", repo] for n, repo in enumerate([known, "new/photos", ""])]
    for row in rows:
        (tmp_path / row[0]).write_bytes(encode_jpeg(astronaut))
    labels = manifest(tmp_path, rows, [*COLUMNS, "repo"])
    checks = evaluated(tmp_path, labels, capsys)["checks"]
    assert (checks["eye_closed"]["n_fitted"], checks["eye_closed"]["n_negative"]) == (2, 6)
    assert checks["kaleidoscope"]["n_fitted"] == 0
    assert main(["evaluate", "--faces", str(tmp_path), "--manifest", str(labels)]) == 0
    assert "No test: 2 of 6 are from repositories that its weights were fitted on." in capsys.readouterr().out


@pytest.mark.parametrize("name", ["left_eye_open", "right_eye_open", "head_room", "domain_fits"])
def test_a_check_with_weights_knows_where_they_come_from(name: str) -> None:
    assert len(fitted_on(CHECKS[name].version)) > 1


def test_an_empty_manifest_measures_nothing(tmp_path: Path, capsys) -> None:
    answer = evaluated(tmp_path, manifest(tmp_path, []), capsys)
    assert answer["photos"] == 0
    assert all(row["auc"] is None and row["n_positive"] == 0 for row in answer["checks"].values())


def test_drawn_portraits_of_one_and_of_two_people(tmp_path: Path, capsys) -> None:
    rows = []
    for number, defect in enumerate(["", "", "two_faces", "two_faces"]):
        truth = portraits.imagine(person=number, seed=3, domain="bare", defect=defect or None)
        (tmp_path / f"{number}.jpg").write_bytes(portraits.encode(portraits.draw(truth)))
        rows.append([f"{number}.jpg", "portrait", "2" if defect else "1", "none", "unlabelled", defect])
    row = evaluated(tmp_path, manifest(tmp_path, rows), capsys)["checks"]["several_faces"]
    assert (row["n_positive"], row["n_negative"], row["auc"]) == (2, 2, 1)


def test_people_get_a_table(tmp_path: Path, astronaut: Pixels, capsys) -> None:
    (tmp_path / "good.jpg").write_bytes(encode_jpeg(astronaut))
    rows = [["good.jpg", "portrait", "1", "none", "open", ""], ["gone.jpg", "portrait", "1", "none", "open", ""]]
    assert main(["evaluate", "--faces", str(tmp_path), "--manifest", str(manifest(tmp_path, rows))]) == 0
    said = capsys.readouterr().out
    assert "1 photo looked at, 0 portraits in which no face was found" in said
    assert "cannot be read: gone.jpg: No such file or directory" in said
    assert all(any(line.startswith(name) for line in said.splitlines()) for name in QUESTIONS)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_says_what_it_asks_and_holds_a_check_that_ships(name: str) -> None:
    assert QUESTIONS[name].asks.endswith(".")
    assert QUESTIONS[name].check in CHECKS


# ------------------------------------------------------------------------------------------- made defects


@settings(deadline=None)  # a million points are counted each time
@given(
    x=st.floats(-200, 400),
    y=st.floats(-200, 400),
    half=st.floats(5, 300),
    turn=st.floats(-3, 3),
)
def test_counting_points_agrees_with_the_geometry(x: float, y: float, half: float, turn: float) -> None:
    square = Square(x, y, half * np.cos(turn), half * np.sin(turn))
    counted = share_outside(square, width=200, height=300)
    assert counted == pytest.approx(padded_fraction(square, width=200, height=300), abs=0.005)


def test_cutting_the_top_moves_the_face_with_its_pixels(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    whole = PhotoView(astronaut, (astronaut_face,))
    lower = without_top(whole, rows=20)
    before = cut(whole.pixels, align(whole.pixels, astronaut_face.landmarks).square, size=64)
    after = cut(lower.pixels, align(lower.pixels, lower.faces[0].landmarks).square, size=64)
    # The part that is shrunk first begins at another row, so its pixels are averaged in other pairs.
    assert np.abs(before[32:].astype(int) - after[32:]).mean() < 1.5


def test_a_head_before_a_plain_wall_begins_where_it_was_drawn(finder: Detector, astronaut: Pixels) -> None:
    """Between two copies of one photo the second has 37 rows more wall: its head begins 37 rows lower."""
    wall = np.full((160, 300, 3), 200, np.uint8)
    sitter = astronaut[0:300, 90:390].copy()
    sitter[:, :60], sitter[:, 210:] = 200, 200
    tops = []
    for more in (0, 37):
        photo = np.concatenate([np.full((more, 300, 3), 200, np.uint8), wall, sitter])
        tops.append(head_top_before_plain_wall(PhotoView(photo, finder.find(photo))))
    assert tops[0] is not None
    assert tops[1] == tops[0] + 37


def test_where_a_head_begins_is_not_said_before_a_busy_wall(astronaut: Pixels, astronaut_face: FoundFace) -> None:
    assert head_top_before_plain_wall(PhotoView(astronaut, (astronaut_face,))) is None
