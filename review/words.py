"""The words and keys of the desk: one table each, so that a button, a chip and a message say the same thing.

They are English here, as the catalogs of ``review.languages`` know them, and are translated where they are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from babel.dates import format_datetime
from markupsafe import Markup

from catalog.records import BatchState, BreakerState, Domain, ModelState, QueryState, Reason, ReignKind, Stage
from preprocessing.clusters import Tie
from preprocessing.report import Severity
from review.languages import ENGLISH, current, gettext, ngettext
from training.standing import ENDINGS, TRAININGS

STAGES: dict[Stage, str] = {
    Stage.RAW: "Raw photos",
    Stage.CROP: "Crops",
    Stage.FINAL: "Final look",
}

QUESTIONS: dict[Stage, str] = {
    Stage.RAW: "Is this a photo worth cropping?",
    Stage.CROP: "Is this face cut out cleanly?",
    Stage.FINAL: "May the model learn from this face?",
}

DOMAINS: dict[Domain, str] = {Domain.BARE: "Bare face", Domain.MAKEUP: "Make-up"}

REASONS: dict[Reason, str] = {
    Reason.MIRRORED: "Mirrored",
    Reason.PRODUCT: "Product in frame",
    Reason.ARTEFACT: "Hair or skin artefact",
    Reason.EYES: "Wink or closed eyes",
    Reason.FRINGE: "Fringe over the eyes",
    Reason.HEAD_ROOM: "No head-room",
    Reason.NOT_A_PHOTO: "Not a photo",
    Reason.OTHER: "Other",
}

#: One key per reason, the same at every stage, so that fingers need not learn it three times.
KEYS: dict[Reason, str] = {reason: str(number) for number, reason in enumerate(Reason, start=1)}

STATES: dict[BatchState, str] = {
    BatchState.OPEN: "In review",
    BatchState.DONE: "Done",
    BatchState.STOPPED: "Stopped",
}

MODELS: dict[ModelState, str] = {
    ModelState.CANDIDATE: "Candidate",
    ModelState.CHAMPION: "Champion",
    ModelState.RETIRED: "Retired",
}

REIGNS: dict[ReignKind, str] = {ReignKind.PROMOTED: "promoted", ReignKind.ROLLED_BACK: "put back by a rollback"}


#: The gate's rules, by their names.
RULES: dict[str, str] = {
    "size": "Approved faces",
    "domains": "Faces of each domain",
    "split": "Both sides of the split",
    "source": "Faces beside the largest source's",
    "query": "Faces beside the largest query's",
    "account": "Faces beside the largest account's",
    "changed": "Something has changed",
    "fresh": "New faces",
    "failed": "It has not failed before",
    "expectations": "Faces of batches that failed",
    "backlog": "Waiting for people",
    "agreement": "Agreement of two looks",
    "paused": "Trainings are not paused",
    "cool_down": "Hours since the last start",
    "gpu": "The GPU is free",
    "erasure": "An erasure forces",
    "unfinished": "An unfinished training forces",
    "configuration": "Another preset or seed forces",
}

#: What a failed expectation does.
SEVERITIES: dict[Severity, str] = {
    Severity.CRITICAL: "a failure stops the batch",
    Severity.WARNING: "stops nothing",
}

#: What a source's breaker says to who reads it.
BREAKERS: dict[BreakerState, str] = {
    BreakerState.CLOSED: "May be asked",
    BreakerState.RESTS: "Rests",
    BreakerState.HALF_OPEN: "On trial",
}

#: How far a query is, after a number: 3 planned.
QUERIES: dict[QueryState, str] = {
    QueryState.PLANNED: "planned",
    QueryState.CLAIMED: "claimed",
    QueryState.USED: "used",
    QueryState.BLOCKED: "blocked",
    QueryState.RETIRED: "retired",
}

#: What an alert's kind means to who reads it; one that is not here is shown as it is.
ALERTS: dict[str, str] = {
    "drift": "Its answer cannot be read any more",
    "blocked": "It has stopped us",
    "login_needed": "It wants somebody to sign in",
    "canary": "Its canary needs changing",
    "skipped": "Some of what it was given cannot be used",
}

#: Why a photo is taken for the same as another, whose number is filled in.
TIES: dict[Tie, str] = {
    Tie.BYTES: "The same crop as of photo %d, byte for byte",
    Tie.PICTURE: "The same picture as photo %d",
    Tie.CROP: "The same face as in photo %d, framed differently",
    Tie.FACE: "Its face looks like that of photo %d by their hashes",
    Tie.HASH: "Looks like photo %d by their hashes",
}


#: The tables by the names that the templates know them by.
TABLES: dict[str, Mapping[Any, str]] = {
    "stages": STAGES,
    "questions": QUESTIONS,
    "domains": DOMAINS,
    "reasons": REASONS,
    "states": STATES,
    "model_states": MODELS,
    "reign_words": REIGNS,
    "training_states": TRAININGS,
    "ending_words": ENDINGS,
    "rule_words": RULES,
    "severities": SEVERITIES,
    "breaker_words": BREAKERS,
    "alert_words": ALERTS,
    "tie_words": TIES,
    "query_words": QUERIES,
}


def sayings() -> Iterator[str]:
    """Everything that is translated and stands in no call of ``gettext``."""
    for table in TABLES.values():
        yield from table.values()


def told(text: str) -> str:
    """What the domain said, in this request's language; a screen reader is told where it stays English."""
    said = current().spoken(text)
    return said if said != text or current() is ENGLISH else Markup('<span lang="en">{}</span>').format(text)


def quoted(text: str) -> str:
    """A check's question as a page shows it: what is code in its docstring is in quotation marks."""
    return re.sub(r"`([^`]*)`", r"“\1”", text)


def number(value: float) -> str:
    """A number as a person says it: 20,000, 0.41, 19.5."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}".rstrip("0")


def percent(share: float) -> str:
    """A share as a person says it: 31 %, 0.4 %."""
    return f"{100 * share:.0f} %" if share >= 0.1 or not share else f"{100 * share:.1f} %"


def points(share: float) -> str:
    """How far shares lie apart: 2.5 points."""
    said = f"{100 * share:.1f}"
    return ngettext("%(points)s point", "%(points)s points", 1 if said == "1.0" else 2) % {"points": said}


def span(seconds: float) -> str:
    """A length of time as a person says it: 15 minutes, 2 hours."""
    if seconds >= 86400:
        count = round(seconds / 86400, 1)
        said = ngettext("%(count)s day", "%(count)s days", 1 if count == 1 else 2)
    elif seconds >= 3600:
        count = round(seconds / 3600, 1)
        said = ngettext("%(count)s hour", "%(count)s hours", 1 if count == 1 else 2)
    elif seconds >= 60:
        count = round(seconds / 60, 1)
        said = ngettext("%(count)s minute", "%(count)s minutes", 1 if count == 1 else 2)
    else:
        count, said = seconds, ngettext("%(count)s second", "%(count)s seconds", 1 if seconds == 1 else 2)
    return said % {"count": f"{count:g}"}


def when(moment: datetime) -> Markup:
    """A moment on a page. How it is written is a pattern of its language's catalog, in CLDR's letters."""
    said = format_datetime(moment, gettext("d MMM y, HH:mm 'UTC'"), locale=current().code)
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), said)
