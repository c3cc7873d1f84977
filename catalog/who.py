"""Who gives a command: the name that goes beside what it writes."""

from __future__ import annotations

import getpass

from catalog.errors import BadInput


def who() -> str:
    """The name of the user whose shell this is. BadInput: there is none, and one must be given."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have a number and no name
        raise BadInput("this user has no name: say --by") from None
