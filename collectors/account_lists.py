"""Saved lists of accounts: ``list:NAME`` stands for every account of ``<home>/lists/NAME.txt``, one ``@name`` a line.

Each account becomes a query of its own, with its own place in its posts and its own mark of use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from catalog import Settings
from collectors.errors import BadInput
from collectors.seeds import Seed

_PREFIX = "list:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_ACCOUNT = re.compile(r"@?([A-Za-z0-9_.]{1,30})", re.ASCII)
_BYTES = 1 << 20
_MOST = 5000  # accounts


def expanded(seed: Seed, settings: Settings) -> Sequence[Seed]:
    """A seed for each account of the list that an Instagram seed names; any other seed is itself.

    Empty lines and those that begin with ``#`` say nothing. Raises BadInput for a list that is not there, too large, or
    holds a line that is no account: none of it is planned then.
    """
    if seed.source != "instagram" or not seed.text.startswith(_PREFIX):
        return [seed]
    name = seed.text.removeprefix(_PREFIX).strip()
    if not _NAME.fullmatch(name):
        raise BadInput(f"a list's name is of letters, digits, - and _, not {name[:80]!r}")
    file = settings.home / "lists" / f"{name}.txt"
    try:
        with file.open("rb") as handle:
            read = handle.read(_BYTES + 1)
    except OSError as error:
        raise BadInput(f"no list {name}: {file} cannot be read ({error.strerror})") from error
    if len(read) > _BYTES:
        raise BadInput(f"the list {name} has more than {_BYTES} bytes")
    accounts: dict[str, None] = {}
    for number, line in enumerate(read.decode("utf-8-sig", "replace").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        account = _ACCOUNT.fullmatch(text)
        if not account:
            raise BadInput(f"the list {name}, line {number}: an account is @name, not {text[:80]!r}")
        accounts[account.group(1).lower()] = None
    if len(accounts) > _MOST:
        raise BadInput(f"the list {name} holds more than {_MOST} accounts")
    return [replace(seed, text=f"@{account}") for account in accounts]
