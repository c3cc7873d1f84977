"""What must hold of a batch: one rule for each expectation, in Great Expectations' words. Values only, no library.

A failed *critical* rule means that the pipeline itself is at fault (a crop without scores, a photo without a source):
the batch stops. A *warning* names rows: where it carries a reason, every failing row becomes a flag that reviewers
see, also when few enough failed for the rule to pass as a whole.

Drift never stops a batch, however far it goes: a stop waits for somebody to mend the pipeline and run it again, and
another day's photos are what they are. Scores of photos may be missing: screen gave them days ago, when checks may
have had other versions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalog.records import Domain, Reason, SubjectKind
from preprocessing.checks import Thresholds, checks_on
from preprocessing.report import Rate, Severity

#: The share of rows that must pass a warning for it to pass as a whole.
MOSTLY = 0.8
#: Below this side a photo holds too little for a 256-pixel face.
MIN_SIDE = 256
#: No picture that this pipeline decodes is longer; a number beyond it is a mistake of ours.
MAX_SIDE = 65_535

PHOTO_COLUMNS = (
    "photo_id",
    "sha256",
    "domain",
    "source",
    "foreign_id",
    "page_url",
    "image_url",
    "query",
    "licence",
    "forbidden",
    "found_at",
    "width",
    "height",
    "usable",
)
FACE_COLUMNS = ("face_id", "photo_id", "number", "sha256", "domain", "padded", "side")

_PRESENT = r"\S"
_SHA256 = r"^[0-9a-f]{64}$"
_BETWEEN, _IN_SET = "expect_column_values_to_be_between", "expect_column_values_to_be_in_set"
_NOT_NULL, _REGEX = "expect_column_values_to_not_be_null", "expect_column_values_to_match_regex"
_UNIQUE, _COLUMNS = "expect_column_values_to_be_unique", "expect_table_columns_to_match_set"


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation: what it is called, what people read, what its failure does, and GX's own form of it."""

    name: str
    sentence: str
    severity: Severity
    expectation: str
    arguments: Mapping[str, Any]
    reason: Reason | None = None


def photo_rules() -> Iterable[Rule]:
    """What is expected of the table of photos."""
    checks = checks_on(SubjectKind.PHOTO)
    yield _critical(
        "photos_exist", "the batch has at least one photo", "expect_table_row_count_to_be_between", min_value=1
    )
    yield _critical(
        "photo_schema",
        "the table of photos has exactly the columns that are expected",
        _COLUMNS,
        column_set=[*PHOTO_COLUMNS, *(c.name for c in checks)],
        exact_match=True,
    )
    for column in ("photo_id", "sha256"):
        name = f"photo_{column.removeprefix('photo_')}_unique"
        yield _critical(name, f"no two photos share a {column}", _UNIQUE, column=column)
    yield _critical("photo_named", "every photo's bytes are named by sha256", _REGEX, column="sha256", regex=_SHA256)
    for column in ("source", "foreign_id", "page_url", "image_url", "query", "found_at", "licence"):
        yield _critical(f"photo_{column}_not_null", f"every photo says its {column}", _NOT_NULL, column=column)
    for column in ("source", "foreign_id", "page_url", "image_url", "query", "licence"):
        yield _critical(
            f"photo_{column}_not_empty", f"no photo's {column} is empty", _REGEX, column=column, regex=_PRESENT
        )
    yield _critical(
        "photo_domain_known",
        "every photo belongs to a domain of the model",
        _IN_SET,
        column="domain",
        value_set=[domain.value for domain in Domain],
    )
    for column in ("width", "height"):
        yield _critical(f"photo_{column}_known", f"every photo's {column} is known", _NOT_NULL, column=column)
        yield _critical(
            f"photo_{column}_in_range",
            f"every photo's {column} is from 1 to {MAX_SIDE:,} pixels",
            _BETWEEN,
            column=column,
            min_value=1,
            max_value=MAX_SIDE,
        )
        yield _warning(
            f"photo_{column}_large_enough",
            f"most photos have a {column} of {MIN_SIDE} pixels or more",
            _BETWEEN,
            column=column,
            min_value=MIN_SIDE,
            mostly=MOSTLY,
        )
    for check in checks:
        yield _in_range(check.name)
    yield _warning(
        "photos_usable",
        "at least half of the photos could be decoded and hold a face",
        _IN_SET,
        column="usable",
        value_set=[True],
        mostly=0.5,
    )
    yield _warning(
        "photo_licence_known",
        "most photos have a licence that is known",
        "expect_column_values_to_not_be_in_set",
        column="licence",
        value_set=["unknown"],
        mostly=MOSTLY,
    )
    yield _warning(
        "photo_licence_allowed",
        "most photos have terms and a licence that let a model learn from them",
        "expect_column_values_to_be_null",
        column="forbidden",
        mostly=MOSTLY,
        reason=Reason.OTHER,
    )


def face_rules(thresholds: Thresholds) -> Iterable[Rule]:
    """What is expected of the table of faces."""
    checks = checks_on(SubjectKind.FACE)
    yield _critical(
        "face_schema",
        "the table of faces has exactly the columns that are expected",
        _COLUMNS,
        column_set=[*FACE_COLUMNS, *(c.name for c in checks)],
        exact_match=True,
    )
    yield _critical("face_id_unique", "no two faces share an id", _UNIQUE, column="face_id")
    yield _critical(
        "face_number_unique",
        "no photo counts two faces by one number",
        "expect_compound_columns_to_be_unique",
        column_list=["photo_id", "number"],
    )
    yield _critical(
        "face_crop_named", "every face has its crop, named by sha256", _REGEX, column="sha256", regex=_SHA256
    )
    yield _critical("face_padded_known", "the padded share of every crop is known", _NOT_NULL, column="padded")
    yield _critical(
        "face_padded_fraction",
        "the padded share of every crop is from 0 to 1",
        _BETWEEN,
        column="padded",
        min_value=0,
        max_value=1,
    )
    yield _critical("face_side_known", "the side of every crop in its photo is known", _NOT_NULL, column="side")
    yield _critical(
        "face_side_in_range",
        f"the side of every crop is from 1 to {2 * MAX_SIDE:,} pixels of its photo",  # padding may surround a photo
        _BETWEEN,
        column="side",
        min_value=1,
        max_value=2 * MAX_SIDE,
    )
    for check in checks:
        name, spoken, threshold = check.name, _spoken(check.name), thresholds.below(check)
        yield _critical(f"{name}_scored", f"every face has its score for {spoken}", _NOT_NULL, column=name)
        yield _in_range(name)
        yield _warning(
            name,
            f"most faces score {threshold:g} or more for {spoken}",
            _BETWEEN,
            column=name,
            min_value=threshold,
            mostly=MOSTLY,
            reason=check.reason,
        )
    # Last, so that a check's reason is the one that the desk selects for a face that both name.
    yield _warning(
        "face_crop_unique",
        "no two faces of the batch have the same crop",
        _UNIQUE,
        column="sha256",
        reason=Reason.OTHER,
    )


def rate_rules(rates: Sequence[Rate]) -> Iterable[Rule]:
    """What is expected of the table of rates: one row, in it one column for each rate that can be judged."""
    for rate in rates:
        if rate.normal is not None:
            low, high = rate.normal
            yield _warning(rate.name, rate.sentence, _BETWEEN, column=rate.name, min_value=low, max_value=high)


def _in_range(check: str) -> Rule:
    return _critical(
        f"{check}_in_range",
        f"every score for {_spoken(check)} is from 0 to 1",
        _BETWEEN,
        column=check,
        min_value=0,
        max_value=1,
    )


def _spoken(check: str) -> str:
    return check.replace("_", " ")


def _critical(name: str, sentence: str, expectation: str, **arguments: Any) -> Rule:
    return Rule(name, sentence, Severity.CRITICAL, expectation, arguments)


def _warning(name: str, sentence: str, expectation: str, *, reason: Reason | None = None, **arguments: Any) -> Rule:
    return Rule(name, sentence, Severity.WARNING, expectation, arguments, reason)
