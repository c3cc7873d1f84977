"""What follows a judgement: served files that follow the champion, the way back, the card, exports and one photo."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from catalog import Catalog, open_blobs, settings
from catalog.lineages import Share
from catalog.records import Domain, Evaluation, Model, ModelState, Reign, ReignKind, Run, RunState, Snapshot
from training import steps
from training.__main__ import main
from training.comparing import intervals_between
from training.errors import BadSnapshot, NotSignedOff, Unknown
from training.evaluation.paired import kept_in
from training.evaluation.samples import masks_for, to_uint8
from training.faces.data import Faces
from training.networks.stargan import Architecture, Networks, initialise
from training.pages import page_of
from training.release import serving
from training.release.card import Lineage, card
from training.release.exporting import export, metadata_of
from training.release.repainting import repaint
from training.release.signoff import SignOff

AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


@pytest.fixture
def challenged(challenged_home: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> tuple[Catalog, int]:
    """A home with a champion, and the evaluation of a challenger that learned from more faces."""
    shutil.copytree(challenged_home[0], settings().home)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.setenv("FACELOOP_SIGN_OFF_FRESH_FACES", "1")
    monkeypatch.setenv("FACELOOP_SIGN_OFF_BALANCE", "1")
    settings.cache_clear()
    return Catalog(), challenged_home[1]


def better(catalog: Catalog, evaluation: int, *, version: str = "") -> int:
    """The same evaluation with metrics that beat any champion's: what a network of one step measures is chance."""
    found = catalog.models.evaluation(evaluation)
    best = {name: 1e6 if name.endswith("identity_kept") else -1e6 for name in found.metrics}
    best = {name: 1.0 if name.endswith("pairs") else value for name, value in best.items()}
    return catalog.models.add_evaluation(
        found.run_id, step=found.step, metrics=best, version=version or found.version
    ).id


def served() -> dict[str, Any]:
    return json.loads((settings().home / "served" / "champion" / "model.json").read_text())


def test_the_served_files_follow_a_promotion_and_a_rollback(
    challenged: tuple[Catalog, int], capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, evaluation = challenged
    before = catalog.models.champion()
    assert before is not None
    after = steps.promote(better(catalog, evaluation), describe=describe)
    assert served()["model"] == after
    assert (settings().home / "served" / "champion" / "card.md").read_text().startswith(f"# Model {after}\n")

    assert main(["rollback", "--by", "rita", "--why", "orange lips", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["champion"], told["over"], told["by"], told["why"]) == (before.id, after, "rita", "orange lips")
    champion = catalog.models.champion()
    assert champion is not None
    assert champion.id == before.id
    assert served()["model"] == before.id
    assert catalog.models.get(after).state is ModelState.RETIRED

    assert main(["rollback", "--by", "rita", "--why", "again", "--json"]) == 1
    assert "no earlier champion" in capsys.readouterr().err
    assert served()["model"] == before.id


def test_a_challenger_s_page_shows_it_beside_the_champion_on_the_same_pairs(challenged: tuple[Catalog, int]) -> None:
    catalog, evaluation = challenged
    blobs, first = open_blobs(), catalog.models.evaluation(evaluation)
    path = steps.report(evaluation)
    assert b"Against model" not in path.read_bytes()
    steps.promote(evaluation, describe=describe)
    found = catalog.models.evaluation(evaluation)
    assert b"Against model 1, both on these very pairs" in path.read_bytes()
    assert page_of(found, blobs=blobs) == path.read_bytes()
    assert (found.report, found.pairs) == (first.report, first.pairs), "what was measured is written once"
    assert set(kept_in(blobs.get("reports", found.pairs))) == {"bare_to_makeup", "makeup_to_bare"}
    (champion,) = (one for one in catalog.evaluations.of_run(1) if one.version == found.version)
    assert intervals_between(found, champion, blobs=blobs) == {}  # so few people say nothing
    assert intervals_between(replace(found, pairs="0" * 64), champion, blobs=blobs) == {}  # nor pairs that are gone
    assert intervals_between(found, replace(champion, pairs=""), blobs=blobs) == {}  # or were never kept
    assert replace(found, beside={}) == first


def test_a_refused_model_is_judged_again_when_somebody_asks_for_it(
    challenged: tuple[Catalog, int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, evaluation = challenged
    good = better(catalog, evaluation)
    asked = ["promote", "--evaluation", str(good)]
    with monkeypatch.context() as strict:
        strict.setenv("FACELOOP_PROMOTION_POLICY", '{"floors": {"copy_rate": -2e6}}')
        settings.cache_clear()
        steps.promote(good, describe=describe)
    settings.cache_clear()
    refused = catalog.models.of_evaluation(good)
    assert refused is not None
    assert refused.state is ModelState.CANDIDATE

    assert main(asked) == 0
    assert "judged already, " in (told := capsys.readouterr().out)
    assert "--again judges it by the policy and the champion of today" in told
    assert catalog.models.get(refused.id) == refused, "the same question has the same answer"

    steps.promote(good, again=True, describe=describe)
    chosen = catalog.models.get(refused.id)
    assert steps.is_champion(chosen.id)
    assert served()["model"] == chosen.id
    before = f"judged before, {refused.decided_at:%Y-%m-%d %H:%M} UTC: "
    assert chosen.reasons[-len(refused.reasons) :] == tuple(before + reason for reason in refused.reasons)
    assert main([*asked, "--again"]) == 0, "a champion is not judged again"
    assert catalog.models.get(refused.id) == chosen


def test_who_was_taken_back_is_not_promoted_again_on_numbers_alone(challenged: tuple[Catalog, int]) -> None:
    catalog, evaluation = challenged
    first = better(catalog, evaluation)
    model = steps.promote(first, describe=describe)
    steps.roll_back(by="rita", why="orange\nlips")
    assert steps.promote(first, describe=describe) == model  # judged once
    assert not steps.is_champion(model)

    found = catalog.models.evaluation(first)  # a later step of the same run, as good
    again = catalog.models.add_evaluation(
        found.run_id, step=found.step + 1, metrics=found.metrics, version=found.version
    ).id
    with pytest.raises(NotSignedOff, match=r"a model of this run was taken back by rita, .*: orange lips"):
        steps.promote(again, describe=describe)
    signed = SignOff(approved=True, by="omar", at=AT, why="the lips are red now")
    assert steps.is_champion(steps.promote(again, signed=signed, describe=describe))


def test_a_rollback_needs_who_and_why(challenged: tuple[Catalog, int], capsys: pytest.CaptureFixture[str]) -> None:
    for missing in (["--by", "rita"], ["--why", "orange lips"]):
        with pytest.raises(SystemExit):
            main(["rollback", *missing])
    assert main(["rollback", "--by", " ", "--why", "orange lips"]) == 1
    assert "who asks for it" in capsys.readouterr().err


def test_the_list_of_models_has_numbers_reasons_and_who_was_champion_when(
    challenged: tuple[Catalog, int], capsys: pytest.CaptureFixture[str]
) -> None:
    catalog, evaluation = challenged
    steps.promote(better(catalog, evaluation), describe=describe)
    steps.roll_back(by="rita", why="orange lips")
    assert main(["models", "--json"]) == 0
    out = capsys.readouterr().out
    assert "put back by rita: orange lips" in out
    listed = json.loads(out.splitlines()[-1])["models"]
    assert [(one["state"], [reign["kind"] for reign in one["reigns"]]) for one in listed] == [
        ("retired", ["promoted"]),
        ("champion", ["promoted", "rolled_back"]),
    ]
    assert all("bare_to_makeup/copy_rate" in one["metrics"] for one in listed)


def test_a_champion_is_exported_and_says_of_itself_what_it_is(
    challenged: tuple[Catalog, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    catalog, evaluation = challenged
    monkeypatch.setenv("FACELOOP_EXPORT_FORMATS", "torchscript")
    settings.cache_clear()
    model = steps.promote(better(catalog, evaluation), describe=describe)
    file = catalog.model_files.of(model)["torchscript"]
    assert open_blobs().has("models", file.name)
    assert file.about["difference"] < 1e-3
    path = settings().home / "served" / "champion" / "repaint.pt"
    told = metadata_of(path)
    run = catalog.models.run(catalog.models.get(model).run_id)
    assert (told["model"], told["snapshot"], told["preset"], told["domains"], told["size"]) == (
        str(model),
        run.snapshot_id,
        "tiny-64",
        "bare, makeup",
        "64",
    )
    shutil.rmtree(settings().home / "served")  # another machine has the store alone
    assert serving.follow(catalog=catalog, blobs=open_blobs(), settings=settings()) is not None
    assert metadata_of(path) == told


def test_what_cannot_be_exported_raises_an_alert_and_the_champion_stays(
    challenged: tuple[Catalog, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, evaluation = challenged
    model = steps.promote(better(catalog, evaluation), describe=describe)
    for file in catalog.models.checkpoints(catalog.models.get(model).run_id):
        open_blobs().delete("checkpoints", file.sha256)
        Path(file.path).unlink(missing_ok=True)
    monkeypatch.setenv("FACELOOP_EXPORT_FORMATS", "torchscript")
    settings.cache_clear()
    assert steps.promote(catalog.models.get(model).evaluation_id) == model  # looks again after what is missing
    assert steps.is_champion(model)
    (alert,) = catalog.alerts.list(source="training")
    assert (alert.kind, alert.message.startswith(f"model {model} has no torchscript: ")) == ("export", True)
    assert served()["model"] == model
    assert "repaint.pt" not in served()["files"]


def test_a_run_is_exported_by_hand(challenged: tuple[Catalog, int], tmp_path: Path, capsys: Any) -> None:
    catalog, evaluation = challenged
    run = catalog.models.evaluation(evaluation).run_id
    out = tmp_path / "style.pt"
    given = ["--run", str(run), "--format", "torchscript", "--graph", "style_encoder", "--out", str(out), "--json"]
    assert main(["export", *given]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["difference"] < 1e-3
    assert metadata_of(out)["run"] == str(run)
    assert main(["export", "--format", "onnx", "--out", str(tmp_path / "x.pt")]) == 1
    assert "ends in .onnx" in capsys.readouterr().err


def lineage(**changes: Any) -> Lineage:
    """A model with everything that a card tells."""
    run = Run(4, "a" * 64, "makeup-256", 777, RunState.DONE, 9, 9, "", AT, AT)
    metrics = {"bare_to_makeup/copy_rate": 0.02, "makeup_to_bare/copy_rate": 0.03}
    metrics |= {"bare_to_makeup/slice=skin:dark/copy_rate": 0.04, "bare_to_makeup/slice=skin:dark/pairs": 40.0}
    whole = Lineage(
        model=Model(7, 4, 5, ModelState.CHAMPION, ("not worse than the champion in anything",), AT),
        run=run,
        snapshot=Snapshot("a" * 64, "b" * 64, 30, 20, 10, AT),
        shares=(Share(Domain.BARE, "commons", "CC0", 20), Share(Domain.MAKEUP, "folder", "", 10)),
        evaluation=Evaluation(5, 4, 9, metrics, "code-faces", AT, "a" * 64),
        page={"code": "c0de", "preset": {"name": "makeup-256", "img_size": 256, "lr": 1e-4}, "domains": ["bare"]},
        reigns=(Reign(1, 7, 3, ReignKind.PROMOTED, "", "better", AT, None),),
    )
    return replace(whole, **changes)


def test_the_card_tells_the_lineage_and_is_the_same_each_time() -> None:
    text = card(lineage())
    assert text == card(lineage())
    for told in ("# Model 7", "`" + "a" * 64 + "`", "20 bare and 10 made up", "makeup\\-256", "c0de", "CC0", "unknown"):
        assert told in text
    for told in ("skin:dark", "0.0400", "not worse than the champion in anything", "Intended use", "Known limits"):
        assert told in text
    for heading in ("What it learned from", "How it was trained", "How good it is", "Why it was promoted"):
        assert f"\n## {heading}" in text


def test_the_card_of_a_run_that_has_not_ended_names_no_end() -> None:
    assert "2026\\-11\\-26 02:30 UTC to 2026" in card(lineage())
    begun = replace(lineage().run, state=RunState.RUNNING, finished_at=None)
    text = card(lineage(run=begun))
    assert "since 2026\\-11\\-26 02:30 UTC; not at its end yet" in text
    assert "to not yet" not in text


def test_before_the_first_model_the_list_says_that_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    said, last = capsys.readouterr().out.splitlines()
    assert said.startswith("there is no model yet")
    assert json.loads(last) == {"ok": True, "models": []}


@pytest.mark.parametrize(
    "hostile",
    [
        "CC0 | **free** | [x](javascript:alert(1))",
        "<script>alert(1)</script>",
        "x\n\n# Model 8\n",
        "![a](https://example.org/a.png)",
        "`code`",
    ],
)
def test_no_words_of_strangers_become_markup(hostile: str) -> None:
    plain = card(lineage())
    said = replace(lineage().model, reasons=(f"refused by rita: {hostile}",))
    shares = (Share(Domain.BARE, hostile, hostile, 20), Share(Domain.MAKEUP, "folder", "", 10))
    reign = Reign(1, 7, 3, ReignKind.ROLLED_BACK, hostile, hostile, AT, None)
    text = card(lineage(model=said, shares=shares, reigns=(reign,)))
    for markup in ("<script", "](", "![", "**free", "`code`", "\n# Model 8"):
        assert markup not in text
    assert len(text.splitlines()) == len(plain.splitlines())


def test_the_card_of_a_model_is_kept_beside_it(challenged: tuple[Catalog, int], tmp_path: Path, capsys: Any) -> None:
    catalog, _ = challenged
    champion = catalog.models.champion()
    assert champion is not None
    out = tmp_path / "card.md"
    assert main(["card", "--model", str(champion.id), "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert printed == out.read_text()
    assert open_blobs().get("models", catalog.model_files.of(champion.id)["card"].name).decode() == printed
    assert "tiny\\-64" in printed
    assert all(face.sha256 not in printed and face.photo_sha256 not in printed for face in catalog.faces.approved())


def write_face(path: Path, faces: Faces, row: int) -> Path:
    cv2.imwrite(str(path), np.asarray(faces.pixels[row])[:, :, ::-1])
    return path


def test_one_photo_is_repainted_as_the_networks_would(
    tmp_path: Path, make_faces: Callable[..., Faces], landmarks: np.ndarray
) -> None:
    torch.manual_seed(3)
    arch = Architecture(img_size=64, base_width=4, max_width=16, mapping_width=8, style_dim=6, latent_dim=4)
    networks = Networks(arch, discriminator=False).eval()
    initialise(networks)
    graph = export(networks, out=tmp_path / "m.pt", format="torchscript", metadata={"domains": "bare, makeup"}).path
    faces = make_faces(size=64)
    source, reference = write_face(tmp_path / "a.png", faces, 0), write_face(tmp_path / "b.png", faces, 1)
    given: dict[str, Any] = {"source": source, "reference": reference, "out": tmp_path / "out.png"}

    def found_there(picture: np.ndarray) -> np.ndarray:
        assert picture.shape == (64, 64, 3)
        return landmarks

    def found_far_away(_: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * (landmarks - 0.5)

    def nowhere(picture: np.ndarray) -> None:
        assert picture.shape == (64, 64, 3)

    repaint(graph, domain="makeup", find=found_there, **given)
    with torch.no_grad():
        points = torch.from_numpy(landmarks)[None]
        style = networks.style_encoder(faces.images([1]), torch.tensor([1]))
        wanted = to_uint8(networks.generator(faces.images([0]), style, masks_for(networks, points)))[0]
    found = cv2.imread(str(tmp_path / "out.png"))[:, :, ::-1]
    assert np.abs(found.astype(int) - wanted.astype(int)).max() <= 1

    how = r"`python -m preprocessing align --photo .*[ab]\.png --out CROP\.jpg` cuts an aligned crop"
    with pytest.raises(Unknown, match=rf"no face is found in a\.png: {how}"):
        repaint(graph, domain="makeup", find=nowhere, **given)
    with pytest.raises(Unknown, match=rf"the face in a\.png is too small for an aligned crop: {how}"):
        repaint(graph, domain="makeup", find=found_far_away, **given)
    cv2.imwrite(str(reference), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(Unknown, match=rf"b\.png is 64 x 48 pixels, and an aligned crop is square: {how}"):
        repaint(graph, domain="makeup", find=found_there, **given)
    reference.write_bytes(b"no picture")
    with pytest.raises(BadSnapshot, match=r"b\.png is not a picture"):
        repaint(graph, domain="makeup", find=found_there, **given)
    Image.new("1", (14_000, 14_000)).save(reference)  # small as a file; what reads it refuses so many pixels
    with pytest.raises(BadSnapshot, match=r"b\.png is not a picture"):
        repaint(graph, domain="makeup", find=found_there, **given)
    spaced = tmp_path / "on holiday.png"
    cv2.imwrite(str(spaced), np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(Unknown, match=r"align --photo '.*on holiday\.png' --out"):
        repaint(graph, domain="makeup", find=found_there, **{**given, "source": spaced})
    with pytest.raises(Unknown, match="no domain 'tattoo'; it knows bare, makeup"):
        repaint(graph, domain="tattoo", find=found_there, **given)
