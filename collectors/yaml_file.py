"""Reads a YAML file that a person wrote, or that somebody says a person wrote: small, shallow, nothing twice.

A name that stands twice in one mapping, which YAML would read as the last of the two, is refused; so are aliases,
with which a few lines can stand for billions.
"""

from __future__ import annotations

import stat
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from collectors.errors import BadInput

_MOST_BYTES = 1_000_000
_DEEPEST = 12


def read_yaml(file: Path, *, about: str) -> Any:
    """What the file holds; BadInput, naming it (``about``: what it is) and the line, when it cannot be read."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise BadInput(f"the {about} {file} cannot be read: it is no file")
        with file.open("rb") as opened:
            held = opened.read(_MOST_BYTES + 1)
        if len(held) > _MOST_BYTES:
            raise BadInput(f"the {about} {file} cannot be read: {_MOST_BYTES} bytes is the most")
        return yaml.load(held.decode("utf-8-sig"), _Careful)
    except (OSError, ValueError, yaml.YAMLError) as error:  # ValueError: no UTF-8, or a date that there is not
        raise BadInput(f"the {about} {file} cannot be read: {' '.join(str(error).split())[:200]}") from error


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
