"""Reads a YAML file that a person wrote, or that somebody says a person wrote: small, shallow, nothing twice.

A name that stands twice in one mapping, which YAML would read as the last of the two, is refused; so are aliases,
with which a few lines can stand for billions.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, cast

import yaml

from collectors.errors import BadInput

_MOST_BYTES = 1_000_000
_DEEPEST = 12
_LONGEST = 3000  # characters of one word: a number of a million digits takes minutes to read, and cannot be told


def read_yaml(file: Path, *, about: str) -> Any:
    """What the file holds; BadInput, naming it (``about``: what it is) and the line, when it cannot be read."""
    return _read(file, about, lambda loader: loader.get_single_data())


def read_yaml_rows(file: Path, *, about: str) -> list[tuple[int, Any]]:
    """The entries of a file that is a list, each with the line it begins in; BadInput as above, or for no list."""

    def rows(loader: _Careful) -> list[tuple[int, Any]]:
        node = loader.get_single_node()
        if not isinstance(node, yaml.SequenceNode):
            raise BadInput(f"the {about} {file} is not a list")
        return [(entry.start_mark.line + 1, loader.construct_document(entry)) for entry in node.value]

    return cast("list[tuple[int, Any]]", _read(file, about, rows))


def read_text(file: Path, *, about: str) -> str:
    """The text of a small UTF-8 file; BadInput, naming it, when it is none."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise BadInput(f"the {about} {file} cannot be read: it is no file")
        with file.open("rb") as opened:
            held = opened.read(_MOST_BYTES + 1)
        if len(held) > _MOST_BYTES:
            raise BadInput(f"the {about} {file} cannot be read: {_MOST_BYTES} bytes is the most")
        return held.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise _unreadable(file, about, error) from error


def _read(file: Path, about: str, how: Callable[[_Careful], Any]) -> Any:
    text = read_text(file, about=about)
    loader = None
    try:
        loader = _Careful(text)
        return how(loader)
    except BadInput:
        raise
    except Exception as error:  # YAML's own, and what its readers of numbers, dates and words stumble over
        raise _unreadable(file, about, error) from error
    finally:
        if loader is not None:
            loader.dispose()


def _unreadable(file: Path, about: str, error: Exception) -> BadInput:
    return BadInput(f"the {about} {file} cannot be read: {' '.join(str(error).split())[:200]}")


class _Careful(yaml.SafeLoader):
    """The safe loader, which also bounds how much a short text can become."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose one node, unless it is an alias or lies too deep."""
        mark = self.peek_event().start_mark
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not read", mark)
        if self._depth >= _DEEPEST:
            raise yaml.composer.ComposerError(None, None, f"more than {_DEEPEST} levels", mark)
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """Compose one word, unless it is too long."""
        node = super().compose_scalar_node(anchor)
        if len(node.value) > _LONGEST:
            raise yaml.composer.ComposerError(None, None, f"more than {_LONGEST} characters", node.start_mark)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Construct a mapping whose names differ."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a name is one word", key.start_mark)
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
