"""What an evaluation's page may do in a browser: show itself. Light, for whoever serves pages and measures nothing."""

from __future__ import annotations

import base64
import re
from hashlib import sha256


def policy_of(page: bytes) -> str:
    """The Content-Security-Policy under which a page works and nothing that got into it does: its own style and the
    pictures that it holds; no script, no form, no request to anywhere."""
    styles = re.findall(rb"<style>(.*?)</style>", page, flags=re.S)[:1]  # the template's; it has one
    hashes = [f"'sha256-{base64.b64encode(sha256(style).digest()).decode()}'" for style in styles]
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src {' '.join(hashes) or chr(39) + 'none' + chr(39)}",
            "img-src data:",
            "form-action 'none'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
        ]
    )
