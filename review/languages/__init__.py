"""The languages of the desk. Its sentences are English in the code; a catalog beside this file says them in another.

What a request is answered in is set once, by ``choosing``; everything below asks ``current()``.
"""

from __future__ import annotations

from review.languages.language import ENGLISH, Language, current, gettext, ngettext, of, speaking, spoken

__all__ = ["ENGLISH", "Language", "current", "gettext", "ngettext", "of", "speaking", "spoken"]
