"""``sign-in``: sign in to a source by hand, and keep the session."""

from __future__ import annotations

import argparse
from typing import Any

from catalog import settings
from collectors import second_factor
from collectors.commands.telling import say, verb


def add_to(verbs: Any) -> None:
    """Add the verb."""
    signing = verb(verbs, "sign-in", "Sign in to a source by hand, and keep the session.", _sign_in)
    signing.add_argument("source", choices=["instagram"])


def _sign_in(options: argparse.Namespace) -> int:
    from collectors.instagram_client import InstagramClient

    config = settings()
    # Where no command gives the code, a person types it.
    ask = None if config.instagram_2fa_command else second_factor.ask
    with InstagramClient(config, ask_code=ask) as client:
        client.sign_in(anew=True)
    user = config.instagram_user
    say(options, [f"signed in to {options.source} as {user}; the session is kept"], {"ok": True, "user": user})
    return 0
