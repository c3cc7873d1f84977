"""A template file makes arms and their queries; one that is wrong, or meant to harm, is said so with the place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog import Settings
from catalog.records import Domain
from collectors.errors import BadInput
from collectors.seeds import read_seeds
from collectors.templates import Arm, arms_of, read_templates

WHOLE = {
    "language": "en",
    "sources": "[google]",
    "text": '"{subject} {style}, {shot}"',
    "subjects": "{woman: woman, man: man}",
    "styles": "{bare: {plain: no makeup}, makeup: {full: full makeup}}",
    "shots": '[selfie, ""]',
}


def written(folder: Path, **other: str) -> Path:
    file = folder / "templates.yaml"
    fields = WHOLE | other
    file.write_text("- " + "\n  ".join(f"{name}: {held}" for name, held in fields.items() if held), encoding="utf-8")
    return file


def test_every_subject_and_style_is_an_arm_with_a_query_for_every_shot(tmp_path: Path) -> None:
    config = Settings(templates=str(written(tmp_path)))
    assert arms_of("google", config) == [
        Arm("man/full/en", Domain.MAKEUP, ("man full makeup, selfie", "man full makeup,")),
        Arm("man/plain/en", Domain.BARE, ("man no makeup, selfie", "man no makeup,")),
        Arm("woman/full/en", Domain.MAKEUP, ("woman full makeup, selfie", "woman full makeup,")),
        Arm("woman/plain/en", Domain.BARE, ("woman no makeup, selfie", "woman no makeup,")),
    ]
    assert arms_of("twitter", config) == []


def test_templates_that_make_the_same_arm_add_to_its_queries(tmp_path: Path) -> None:
    file = written(tmp_path)
    more = written(tmp_path, shots="[selfie, portrait]").read_text()
    file.write_text(written(tmp_path).read_text() + "\n" + more)
    arm = arms_of("google", Settings(templates=str(file)))[0]
    assert arm.texts == ("man full makeup, selfie", "man full makeup,", "man full makeup, portrait")


def test_the_templates_in_the_repository_speak_several_languages_about_both_domains() -> None:
    for source in ("google", "twitter", "instagram", "openverse", "commons"):
        arms = arms_of(source, Settings())
        assert {arm.domain for arm in arms} == set(Domain)
        assert len({arm.name.rpartition("/")[2] for arm in arms}) >= 3
        texts = [text for arm in arms for text in arm.texts]
        assert len(texts) == len(set(texts))
        assert max(map(len, texts)) < 100


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"language": "English"}, "template 1, language"),
        ({"language": "no"}, "template 1, language"),  # YAML reads a truth value there
        ({"sources": "[nowhere]"}, "template 1, sources"),
        ({"sources": "google"}, "template 1, sources"),
        ({"sources": "[[google]]"}, "template 1, sources"),
        ({"text": "portrait"}, "template 1, text"),
        ({"text": '"{subject} {colour}"'}, "template 1, text"),
        ({"text": '"{subject.__class__}"'}, "template 1, text"),
        ({"text": '"{subject} {"'}, "template 1, text"),
        ({"subjects": "{}"}, "template 1, subjects"),
        ({"subjects": "[woman]"}, "template 1, subjects"),
        ({"subjects": "{woman/full: woman}"}, "template 1, subjects"),
        ({"subjects": "{woman: 7}"}, "template 1, subjects, woman"),
        ({"subjects": "{woman: " + "w" * 101 + "}"}, "template 1, subjects, woman"),
        ({"subjects": '{woman: "w\\x07"}'}, "template 1, subjects, woman"),
        ({"styles": "{naked: {a: b}}"}, "template 1, styles"),
        ({"styles": "{bare: {a: b}, makeup: {a: b}}"}, "template 1, styles: a"),
        ({"shots": "[]"}, "template 1, shots"),
        ({"shots": "[selfie, {a: b}]"}, "template 1, shots, entry 2"),
        ({"shots": ""}, "template 1: a template has exactly"),
        ({"colour": "red"}, "template 1: a template has exactly"),
        ({"text": '"#{shot}"'}, "template 1: woman/plain/en makes a query without words"),
        ({"subjects": "{woman: woman, woman: man}"}, "line 4.*'woman' stands twice|'woman' stands twice.*line 4"),
        ({"subjects": "{[a]: b}"}, "cannot be read"),
        ({"subjects": "{woman: 2001-99-99}"}, "cannot be read"),
        ({"subjects": "!!python/object/apply:os.system ['true']"}, "cannot be read"),
        ({"subjects": "{woman: woman"}, "cannot be read"),
    ],
)
def test_a_wrong_template_is_said_so_with_its_place(tmp_path: Path, wrong: dict[str, str], place: str) -> None:
    with pytest.raises(BadInput, match=place):
        read_templates(written(tmp_path, **wrong))


def test_an_arm_of_both_domains_is_said_so(tmp_path: Path) -> None:
    file = written(tmp_path)
    other = written(tmp_path, styles="{makeup: {plain: full makeup}}").read_text()
    file.write_text(written(tmp_path).read_text() + "\n" + other)
    with pytest.raises(BadInput, match=r"plain/en is bare in one template and makeup in another"):
        arms_of("google", Settings(templates=str(file)))


LEVEL = ", ".join(["*{0}"] * 10)
BILLIONS = "\n".join(["a0: &a0 [lol]", *(f"a{n}: &a{n} [{LEVEL.format(f'a{n - 1}')}]" for n in range(1, 30)), "- *a29"])


@pytest.mark.parametrize("read", [read_templates, read_seeds])
@pytest.mark.parametrize(
    "held",
    [
        BILLIONS.encode(),
        b"[" * 100_000,
        b"- a" * 1_000_000,
        b"- \xff\xfe",
        b"\x00",
        b"--- a\n--- b\n",
        b"7",
        b"",
    ],
    ids=["billions", "deep", "long", "no text", "no character", "two", "a number", "nothing"],
)
def test_a_file_that_means_harm_is_said_so_at_once(tmp_path: Path, held: bytes, read: object) -> None:
    file = tmp_path / "harm.yaml"
    file.write_bytes(held)
    with pytest.raises(BadInput, match=r"harm\.yaml"):
        read(file)  # type: ignore[operator]


def test_a_file_that_never_ends_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    for file in (tmp_path / "pipe.yaml", Path("/dev/zero"), tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            read_templates(file)


def test_a_file_that_makes_too_many_queries_is_said_so_before_any_is_made(tmp_path: Path) -> None:
    words = "{" + ", ".join(f"w{n}: w{n}" for n in range(100)) + "}"
    shots = "[" + ", ".join(f"s{n}" for n in range(100)) + "]"
    with pytest.raises(BadInput, match="makes 1000000 queries"):
        read_templates(written(tmp_path, subjects=words, styles=f"{{bare: {words}}}", shots=shots))
