"""FID and LPIPS: on the published files' weights and no others, as the papers define them, and called so only then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
from published_extractors import Weights, random_weights, second_inception, second_lpips, shapes_of

from catalog import Catalog, open_blobs, settings
from training import steps
from training.errors import BadExtractor, Unknown
from training.evaluation.examining import measure_version
from training.evaluation.extractors import LEAST, Extractors, read_extractors
from training.evaluation.protocol import published
from training.faces.data import Faces
from training.networks import inception, perceptual
from training.networks.inception import Inception
from training.networks.perceptual import AlexNet, Channels
from training.release import serving

KINDS = ("inception", "alexnet", "lpips")


@pytest.fixture(scope="module")
def weights() -> dict[str, Weights]:
    return {kind: random_weights(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def files(weights: dict[str, Weights], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The three files, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in KINDS:
        torch.save(weights[kind], folder / f"{kind}.pth")
    return {kind: str(folder / f"{kind}.pth") for kind in KINDS}


@pytest.fixture(scope="module")
def extractors(files: dict[str, str]) -> Extractors:
    found = read_extractors(**files)
    assert found is not None
    return found


def pictures(count: int, *, size: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth noise [n,S,S,3] uint8."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 8, 8, generator=draw)
    smooth = F.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1) * 255
    return smooth.permute(0, 2, 3, 1).to(torch.uint8).numpy()


@pytest.mark.parametrize(
    ("kind", "network", "head"),
    [("inception", Inception, inception.HEAD), ("alexnet", AlexNet, perceptual.HEAD), ("lpips", Channels, {})],
)
def test_the_networks_have_the_published_keys_and_shapes(
    kind: str, network: type[torch.nn.Module], head: dict[str, tuple[int, ...]]
) -> None:
    with torch.device("meta"):
        ours = {name: list(tensor.shape) for name, tensor in network().state_dict().items()}
    assert ours | {name: list(shape) for name, shape in head.items()} == shapes_of(kind)


def test_inception_says_what_a_second_writing_of_it_says(extractors: Extractors, weights: dict[str, Weights]) -> None:
    images = torch.from_numpy(pictures(2, size=107)).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert extractors.inception is not None
    with torch.no_grad():
        ours, theirs = extractors.inception(images), second_inception(weights["inception"], images)
    assert ours.shape == (2, 2048)
    assert float(theirs.std()) > 0.01  # else all could be 0 and equal
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_pictures_reach_inception_in_299_pixels_between_minus_one_and_one(
    extractors: Extractors, weights: dict[str, Weights]
) -> None:
    made = pictures(1, size=40)
    at = (np.arange(299) + 0.5) * 40 / 299 - 0.5  # bilinear by hand: the middles of pixels, edges repeated
    low = np.floor(at).astype(int)
    share, ends = at - low, (np.clip(low, 0, 39), np.clip(low + 1, 0, 39))
    rows = made[0][ends[0]] * (1 - share)[:, None, None] + made[0][ends[1]] * share[:, None, None]
    wide = rows[:, ends[0]] * (1 - share)[:, None] + rows[:, ends[1]] * share[:, None]
    images = torch.from_numpy((wide / 255 * 2 - 1).transpose(2, 0, 1)[None]).float()
    with torch.no_grad():
        theirs = second_inception(weights["inception"], images)
    np.testing.assert_allclose(extractors.features(made), theirs.numpy(), rtol=1e-3, atol=1e-3)


def test_lpips_is_what_a_second_writing_of_it_says(extractors: Extractors, weights: dict[str, Weights]) -> None:
    made = pictures(3)
    pairs = [second_lpips(weights["alexnet"], weights["lpips"], made[a], made[b]) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(pairs) > 0.1
    assert extractors.apart(made) == pytest.approx(np.mean(pairs), rel=1e-4)
    for many in (2, 20):  # more pictures than are looked at together
        same = np.repeat(made[:1], many, 0)
        assert extractors.apart(same) == 0


def test_lpips_is_symmetric_and_grows_with_noise(extractors: Extractors) -> None:
    clean = pictures(1)[0]
    noise = np.random.default_rng(1).normal(size=clean.shape)
    noisy = [np.clip(clean + amount * noise, 0, 255).astype(np.uint8) for amount in (0, 8, 24, 64)]
    found = [extractors.apart(np.stack([clean, one])) for one in noisy]
    assert found == sorted(found)
    assert found[0] == 0 < found[1] < found[3]
    for one in noisy:
        assert extractors.apart(np.stack([one, clean])) == pytest.approx(extractors.apart(np.stack([clean, one])))


def test_fid_is_a_second_writing_of_its_formula_on_inceptions_features(
    extractors: Extractors, weights: dict[str, Weights]
) -> None:
    made, reals = pictures(4, size=75, seed=1), pictures(3, size=75, seed=2)
    found = published(
        [made[:2], made[2:]], [reals[:1], reals[1:]], counts=(4, 3), extractors=replace(extractors, least=2)
    )
    one, other = (extractors.features(some).astype(np.float64) for some in (made, reals))
    mean = one.mean(0) - other.mean(0)
    first, second = (np.cov(some, rowvar=False) for some in (one, other))
    # Of rank 3 and 2: the root is taken of A Aᵀ B Bᵀ's small twin, whose eigenvalues are the same.
    a, b = ((some - some.mean(0)).T / np.sqrt(len(some) - 1) for some in (one, other))
    twin = scipy.linalg.eigvals((b.T @ a) @ (a.T @ b)).real
    by_hand = mean @ mean + np.trace(first) + np.trace(second) - 2 * np.sqrt(np.clip(twin, 0, None)).sum()
    assert found["fid"] == pytest.approx(by_hand, rel=1e-4)
    assert found["fid_pictures"] == 3
    assert found["lpips"] == pytest.approx(np.mean([extractors.apart(made[:2]), extractors.apart(made[2:])]))


def test_below_the_rank_of_its_covariance_there_is_no_fid_and_nothing_is_looked_at(extractors: Extractors) -> None:
    def none() -> Iterator[np.ndarray]:
        raise AssertionError("asked for pictures that decide nothing")
        yield

    alone = replace(extractors, perceptual=None)
    found = published(none(), none(), counts=(10_000, LEAST - 1), extractors=alone)
    assert found == {"fid_pictures": LEAST - 1}
    assert LEAST == 2049
    with pytest.raises(AssertionError, match="decide nothing"):
        published(none(), none(), counts=(LEAST, LEAST), extractors=alone)


def test_no_path_is_no_extractor() -> None:
    assert read_extractors() is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("change", ["missing", "added", "shape", "not finite"])
def test_a_file_that_is_not_the_published_one_is_refused_by_name(
    files: dict[str, str], weights: dict[str, Weights], tmp_path: Path, kind: str, change: str
) -> None:
    part = dict(weights[kind])
    key = next(name for name in reversed(part) if not name.startswith(("fc.", "classifier.")))
    if "num_batches" in key:
        key = key.replace("num_batches_tracked", "running_var")
    wrong = {"missing": f"{key} is missing", "added": "more.weight is unexpected", "shape": f"{key} is \\[7\\]"}
    if change == "missing":
        del part[key]
    elif change == "added":
        part["more.weight"] = torch.zeros(1)
    else:
        part[key] = torch.zeros(7) if change == "shape" else torch.full_like(part[key], float("nan"))
    path = tmp_path / f"my-{kind}.pth"
    torch.save(part, path)
    named = wrong.get(change, f"{key} has numbers that are not finite")
    with pytest.raises(BadExtractor, match=rf"FACELOOP_{kind.upper()}_WEIGHTS: my-{kind}.pth: .*{named}"):
        read_extractors(**(files | {kind: str(path)}))


def test_the_head_tells_another_network_though_it_is_not_used(
    files: dict[str, str], weights: dict[str, Weights], tmp_path: Path
) -> None:
    """Weights that were trained on for ten classes have other features under the same names."""
    path = tmp_path / "tuned.pth"
    torch.save(weights["alexnet"] | {"classifier.6.weight": torch.zeros(10, 4096)}, path)
    with pytest.raises(BadExtractor, match=r"classifier\.6\.weight is \[10, 4096\], not \[1000, 4096\]"):
        read_extractors(**(files | {"alexnet": str(path)}))


def test_half_of_lpips_code_in_a_file_and_no_file_are_refused(
    files: dict[str, str], weights: dict[str, Weights], tmp_path: Path
) -> None:
    with pytest.raises(BadExtractor, match="FACELOOP_LPIPS_WEIGHTS is not"):
        read_extractors(alexnet=files["alexnet"])
    with pytest.raises(BadExtractor, match="FACELOOP_ALEXNET_WEIGHTS is not"):
        read_extractors(lpips=files["lpips"])
    with pytest.raises(BadExtractor, match=r"FACELOOP_INCEPTION_WEIGHTS: nowhere\.pth cannot be read"):
        read_extractors(inception=str(tmp_path / "nowhere.pth"))
    torch.save(print, tmp_path / "code.pth")
    with pytest.raises(BadExtractor, match=r"FACELOOP_INCEPTION_WEIGHTS: code\.pth cannot be read"):
        read_extractors(inception=str(tmp_path / "code.pth"))
    torch.save({"lin0": {}}, tmp_path / "nested.pth")
    with pytest.raises(BadExtractor, match=r"nested\.pth: not a state dict"):
        read_extractors(inception=str(tmp_path / "nested.pth"))
    below = weights["lpips"] | {"lin2.model.1.weight": -weights["lpips"]["lin2.model.1.weight"]}
    torch.save(below, tmp_path / "below.pth")
    with pytest.raises(BadExtractor, match=r"below\.pth: lin2\.model\.1\.weight has weights below 0"):
        read_extractors(alexnet=files["alexnet"], lpips=str(tmp_path / "below.pth"))


def test_other_files_other_reals_and_another_device_are_another_version(
    extractors: Extractors, make_faces: Callable[..., Faces]
) -> None:
    held_out, trained_on = make_faces(), make_faces(seed=1)
    plain = measure_version(held_out)
    versions = [
        measure_version(held_out, extractors=given, trained_on=reals)
        for given, reals in (
            (extractors, trained_on),
            (extractors, make_faces(seed=2)),
            (replace(extractors, device="cuda"), trained_on),
            (replace(extractors, files=extractors.files[1:]), trained_on),
        )
    ]
    assert len({plain, *versions}) == 5
    assert all(version.startswith(plain) and len(version) < 64 - 13 for version in versions)
    assert measure_version(held_out, extractors=replace(extractors, device="cuda:1"), trained_on=trained_on) in versions


def backdrop(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


def told(metrics: dict[str, float]) -> set[str]:
    return {name.partition("/")[2] for name in metrics if "fid" in name or "lpips" in name}


@pytest.fixture
def trained(approved: Catalog) -> int:
    steps.snapshot()
    return steps.train(slice_steps=1, threads=1).run_id


def test_an_evaluation_tells_fid_and_lpips_when_it_is_given_the_files_and_only_then(
    approved: Catalog, trained: int, files: dict[str, str], extractors: Extractors, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = approved.models.evaluation(steps.evaluate(trained, describe=backdrop))
    assert not told(plain.metrics)
    page = steps.report(plain.id).read_text()
    assert "FID" not in page
    assert "LPIPS" not in page

    for kind, path in files.items():
        monkeypatch.setenv(f"FACELOOP_{kind.upper()}_WEIGHTS", path)
    settings.cache_clear()
    few = approved.models.evaluation(steps.evaluate(trained, describe=backdrop))
    assert told(few.metrics) == {"fid_pictures", "lpips", "lpips_outputs"}  # too few pictures for FID
    assert few.version.startswith(plain.version + "-")
    assert few.classifier == plain.classifier
    assert {name: few.metrics[name] for name in plain.metrics} == plain.metrics
    page = steps.report(few.id).read_text()
    assert "not told below 2,049" in page
    assert all(file.sha256 in page for file in extractors.files)
    assert "not the published file" in page
    model = steps.promote(few.id, describe=backdrop)  # nothing is asked of them
    card = serving.keep_card(model, catalog=approved, blobs=open_blobs())
    assert "Too few pictures: it is not told here." in card

    enough = replace(extractors, least=2)
    full = approved.models.evaluation(steps.evaluate(trained, describe=backdrop, extractors=enough))
    assert told(full.metrics) == {"fid", "fid_pictures", "lpips", "lpips_outputs"}
    assert full.version == few.version
    for way in ("bare_to_makeup", "makeup_to_bare"):
        assert full.metrics[f"{way}/fid"] > 0
        assert full.metrics[f"{way}/lpips"] == few.metrics[f"{way}/lpips"] > 0
    assert ">fid<small>FID: " in steps.report(full.id).read_text()


def test_a_wrong_file_or_device_is_refused_before_anything_is_measured(
    approved: Catalog, trained: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def never(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
        raise AssertionError("measured first")

    monkeypatch.setenv("FACELOOP_INCEPTION_WEIGHTS", str(tmp_path / "nowhere.pth"))
    settings.cache_clear()
    with pytest.raises(BadExtractor, match=r"nowhere\.pth"):
        steps.evaluate(trained, describe=never)
    monkeypatch.setenv("FACELOOP_EVALUATE_DEVICE", "abacus")
    settings.cache_clear()
    with pytest.raises(Unknown, match="no device 'abacus'"):
        steps.evaluate(trained, describe=never)
