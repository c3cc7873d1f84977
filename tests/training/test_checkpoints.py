"""Checkpoint files: the published format, read strictly, with three exceptions and no more."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from training.errors import BadCheckpoint
from training.learning import checkpoint
from training.learning.checkpoint import load_networks
from training.networks.stargan import Architecture, Networks, initialise

SMALL = Architecture(img_size=32, base_width=4, max_width=8, mapping_width=8, style_dim=6, latent_dim=4)
Change = Callable[[dict[str, Any]], None]


def published(arch: Architecture = SMALL) -> tuple[Networks, dict[str, Any]]:
    """Networks and the content of a file that holds them, as the published code writes it."""
    networks = Networks(arch, discriminator=False)
    initialise(networks)
    return networks, {name: dict(getattr(networks, name).state_dict()) for name in checkpoint.SERVED}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def written(content: Any) -> Path:
        torch.save(content, tmp_path / "100000_nets_ema.ckpt")
        return tmp_path / "100000_nets_ema.ckpt"

    return written


def same_picture(one: Networks, other: Networks) -> bool:
    arch = one.arch
    image, code = torch.randn(1, 3, arch.img_size, arch.img_size), torch.randn(1, arch.style_dim)
    masks = torch.rand(1, 2, 32, 32) if arch.w_hpf else None
    with torch.no_grad():
        return torch.equal(one.generator(image, code, masks), other.generator(image, code, masks))


@pytest.mark.parametrize("w_hpf", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("domains", [2, 3])
@pytest.mark.parametrize("img_size", [32, 64])
def test_size_domains_and_high_pass_are_read_off_the_file(
    write: Callable[[Any], Path], w_hpf: float, domains: int, img_size: int
) -> None:
    arch = replace(SMALL, w_hpf=w_hpf, domains=domains, img_size=img_size)
    networks, content = published(arch)
    loaded = load_networks(write(content))
    assert loaded.arch == arch
    assert same_picture(networks, loaded)


def test_the_file_may_lack_the_filter_bring_a_landmark_network_and_have_prefixes(
    write: Callable[[Any], Path],
) -> None:
    networks, content = published()
    del content["generator"]["hpf.filter"]
    content = {name: {f"module.{key}": value for key, value in part.items()} for name, part in content.items()}
    content["fan"] = {"conv1.conv.weight": torch.zeros(1)}
    assert same_picture(networks, load_networks(write(content)))


def missing(content: dict[str, Any]) -> None:
    del content["generator"]["encode.1.norm1.weight"]


def unexpected(content: dict[str, Any]) -> None:
    content["style_encoder"]["shared.9.weight"] = torch.zeros(1)


def misshapen(content: dict[str, Any]) -> None:
    content["mapping_network"]["unshared.1.6.bias"] = torch.zeros(7)


def one_part_short(content: dict[str, Any]) -> None:
    del content["style_encoder"]


def one_part_more(content: dict[str, Any]) -> None:
    content["wing"] = {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (missing, r"generator: encode\.1\.norm1\.weight is missing"),
        (unexpected, r"style_encoder: shared\.9\.weight is unexpected"),
        (misshapen, r"mapping_network: unshared\.1\.6\.bias is \[7\], not \[6\]"),
        (one_part_short, "missing parts style_encoder"),
        (one_part_more, "unknown parts wing"),
    ],
)
def test_any_other_difference_is_refused_by_name(write: Callable[[Any], Path], change: Change, says: str) -> None:
    _, content = published()
    change(content)
    with pytest.raises(BadCheckpoint, match=says):
        load_networks(write(content))


def test_many_differences_are_counted(write: Callable[[Any], Path]) -> None:
    _, content = published()
    content["generator"] |= {f"extra.{i}": torch.zeros(1) for i in range(20)}
    with pytest.raises(BadCheckpoint, match="and 12 more"):
        load_networks(write(content))


@pytest.mark.parametrize("content", [[1, 2], {"generator": 3}, {}, {name: {} for name in checkpoint.SERVED}])
def test_what_is_no_checkpoint_is_refused(write: Callable[[Any], Path], content: Any) -> None:
    with pytest.raises(BadCheckpoint):
        load_networks(write(content))


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("harm-was-done"),))


def test_a_file_that_would_run_code_is_refused_and_does_not(
    write: Callable[[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        load_networks(write({"generator": Harmful()}))
    assert not Path("harm-was-done").exists()


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: data[:0]])
def test_a_truncated_file_is_refused(write: Callable[[Any], Path], damage: Callable[[bytes], bytes]) -> None:
    path = write(published()[1])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadCheckpoint, match="cannot be read"):
        load_networks(path)


def test_what_training_saves_is_in_the_published_format(run: Callable[..., Any]) -> None:
    paths = run(slice_steps=1).saved.paths
    files = {kind: torch.load(paths[kind], weights_only=True) for kind in checkpoint.KINDS}
    assert list(files["nets"]) == ["generator", "mapping_network", "style_encoder", "discriminator"]
    assert list(files["nets_ema"]) == ["generator", "mapping_network", "style_encoder"]
    assert list(files["optims"]) == list(files["nets"])
    for moments in files["optims"].values():
        assert set(moments["state"][0]) == {"step", "exp_avg", "exp_avg_sq"}
    assert hasattr(load_networks(paths["nets"]), "discriminator")
    assert not hasattr(load_networks(paths["nets_ema"]), "discriminator")


def test_the_trainer_page_says_what_the_weights_came_from(run: Callable[..., Any]) -> None:
    page = json.loads(run(slice_steps=1).saved.paths["trainer"].read_text())
    assert (page["step"], page["seed"], page["snapshot"]) == (1, 1, "s" * 64)
    assert page["domains"] == ["bare", "makeup"]
    assert page["preset"]["name"] == "micro-32"
    assert page["code"] == checkpoint.code_version()
