"""Great Expectations' door: what must hold of a batch before people spend time on its crops.

Two tables, one row per photo and one per face, each with its suite. A failed *critical* expectation means that the
pipeline itself is at fault (a crop without scores, a photo without a source): the batch stops. A *warning* names rows:
where it carries a reason, every failing row becomes a flag that reviewers see, also when few enough failed for the
expectation to pass as a whole. GX says that a checkpoint failed for a warning too, so severity is judged here.
"""

from __future__ import annotations

import os

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import; nothing here may call home

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.data_context.types.base import ProgressBarsConfig

from catalog.records import Domain, Reason, SubjectKind
from preprocessing.checks import SHIPPED, Thresholds, checks_on
from preprocessing.report import BatchReport, Expected, FaceRow, Failing, PhotoRow, Severity

logging.getLogger("great_expectations").setLevel(logging.ERROR)

#: The share of rows that must pass a warning for it to pass as a whole.
MOSTLY = 0.8
#: Below this side a photo holds too little for a 256-pixel face.
MIN_SIDE = 256

_PRESENT = r"\S"
_SHA256 = r"^[0-9a-f]{64}$"
_FACE_COLUMNS = ("face_id", "photo_id", "number", "sha256", "domain", "padded", "side")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One expectation: what it is called, what people read, what its failure does, and GX's own form of it."""

    name: str
    sentence: str
    severity: Severity
    expectation: Any
    reason: Reason | None = None


def validate(
    *,
    batch_id: int,
    photos: Sequence[PhotoRow],
    faces: Sequence[FaceRow],
    thresholds: Thresholds = SHIPPED,
    docs: Path | None = None,
) -> BatchReport:
    """Hold a batch's tables against their suites; write Data Docs into the folder `docs` when it is given."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    if docs:
        docs.mkdir(parents=True, exist_ok=True)
        context.add_data_docs_site(
            site_name="batch",
            site_config={
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
            },
        )
    expected = (
        *_run(context, SubjectKind.PHOTO, _photo_table(photos), _photo_rules(), docs=docs is not None),
        *_run(context, SubjectKind.FACE, _face_table(faces), _face_rules(thresholds), docs=docs is not None),
    )
    return BatchReport(
        batch_id=batch_id,
        success=all(e.success for e in expected),
        stopped_by=_stopped_by(expected),
        photos=len(photos),
        faces=len(faces),
        expectations=expected,
        docs=str(docs / "index.html") if docs else "",
    )


def _photo_rules() -> Iterable[_Rule]:
    yield _Rule(
        "photos_exist",
        "the batch has at least one photo",
        Severity.CRITICAL,
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
    )
    for column in ("photo_id", "sha256"):
        yield _Rule(
            f"photo_{column.removeprefix('photo_')}_unique",
            f"no two photos share a {column}",
            Severity.CRITICAL,
            gxe.ExpectColumnValuesToBeUnique(column=column),
        )
    for column in ("source", "foreign_id", "page_url", "image_url", "query", "found_at", "licence"):
        yield _Rule(
            f"photo_{column}_not_null",
            f"every photo says its {column}",
            Severity.CRITICAL,
            gxe.ExpectColumnValuesToNotBeNull(column=column),
        )
    for column in ("source", "foreign_id", "page_url", "image_url", "query", "licence"):
        yield _Rule(
            f"photo_{column}_not_empty",
            f"no photo's {column} is empty",
            Severity.CRITICAL,
            gxe.ExpectColumnValuesToMatchRegex(column=column, regex=_PRESENT),
        )
    yield _Rule(
        "photo_domain_known",
        "every photo belongs to a domain of the model",
        Severity.CRITICAL,
        gxe.ExpectColumnValuesToBeInSet(column="domain", value_set=[domain.value for domain in Domain]),
    )
    for column in ("width", "height"):
        yield _Rule(
            f"photo_{column}_large_enough",
            f"most photos have a {column} of {MIN_SIDE} pixels or more",
            Severity.WARNING,
            gxe.ExpectColumnValuesToBeBetween(column=column, min_value=MIN_SIDE, mostly=MOSTLY),
        )
    yield _Rule(
        "photos_usable",
        "at least half of the photos could be decoded and hold a face",
        Severity.WARNING,
        gxe.ExpectColumnValuesToBeInSet(column="usable", value_set=[True], mostly=0.5),
    )
    yield _Rule(
        "photo_licence_known",
        "most photos have a licence that is known",
        Severity.WARNING,
        gxe.ExpectColumnValuesToNotBeInSet(column="licence", value_set=["unknown"], mostly=MOSTLY),
    )


def _face_rules(thresholds: Thresholds) -> Iterable[_Rule]:
    checks = checks_on(SubjectKind.FACE)
    yield _Rule(
        "face_schema",
        "the table of faces has exactly the columns that are expected",
        Severity.CRITICAL,
        gxe.ExpectTableColumnsToMatchSet(column_set=[*_FACE_COLUMNS, *(c.name for c in checks)], exact_match=True),
    )
    yield _Rule(
        "face_id_unique",
        "no two faces share an id",
        Severity.CRITICAL,
        gxe.ExpectColumnValuesToBeUnique(column="face_id"),
    )
    yield _Rule(
        "face_number_unique",
        "no photo counts two faces by one number",
        Severity.CRITICAL,
        gxe.ExpectCompoundColumnsToBeUnique(column_list=["photo_id", "number"]),
    )
    yield _Rule(
        "face_crop_named",
        "every face has its crop, named by sha256",
        Severity.CRITICAL,
        gxe.ExpectColumnValuesToMatchRegex(column="sha256", regex=_SHA256),
    )
    yield _Rule(
        "face_padded_fraction",
        "the padded share of every crop is known, and from 0 to 1",
        Severity.CRITICAL,
        gxe.ExpectColumnValuesToBeBetween(column="padded", min_value=0, max_value=1),
    )
    yield _Rule(
        "face_crop_unique",
        "no two faces of the batch have the same crop",
        Severity.WARNING,
        gxe.ExpectColumnValuesToBeUnique(column="sha256"),
        Reason.OTHER,
    )
    for check in checks:
        threshold = thresholds.below(check)
        yield _Rule(
            f"{check.name}_scored",
            f"every face has its score for {check.name}",
            Severity.CRITICAL,
            gxe.ExpectColumnValuesToNotBeNull(column=check.name),
        )
        yield _Rule(
            f"{check.name}_in_range",
            f"every score for {check.name} is from 0 to 1",
            Severity.CRITICAL,
            gxe.ExpectColumnValuesToBeBetween(column=check.name, min_value=0, max_value=1),
        )
        yield _Rule(
            check.name,
            f"most faces score {threshold:g} or more for {check.name}",
            Severity.WARNING,
            gxe.ExpectColumnValuesToBeBetween(column=check.name, min_value=threshold, mostly=MOSTLY),
            check.reason,
        )


def _run(
    context: Any, on: SubjectKind, table: pd.DataFrame, rules: Iterable[_Rule], *, docs: bool
) -> Iterable[Expected]:
    by_name = {rule.name: rule for rule in rules}
    suite = context.suites.add(gx.ExpectationSuite(f"{on.value}s"))
    for rule in by_name.values():
        rule.expectation.meta = {"name": rule.name}
        rule.expectation.description = rule.sentence
        rule.expectation.severity = rule.severity.value
        suite.add_expectation(rule.expectation)
    asset = context.data_sources.add_pandas(f"{on.value}s").add_dataframe_asset("table")
    definition = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=f"{on.value}s", data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
        )
    )
    key = f"{on.value}_id"
    checkpoint = gx.Checkpoint(
        name=f"{on.value}s",
        validation_definitions=[definition],
        actions=[UpdateDataDocsAction(name="docs", site_names=["batch"])] if docs else [],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [key]},
    )
    ran = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": table})
    results = [result for run in ran.run_results.values() for result in run.results]
    ended = {result.expectation_config.meta["name"]: result for result in results}
    return tuple(_expected(rule, ended[name], on=on, key=key, rows=len(table)) for name, rule in by_name.items())


def _expected(rule: _Rule, result: Any, *, on: SubjectKind, key: str, rows: int) -> Expected:
    found = result.result
    failing = tuple(
        Failing(int(row[key]), ", ".join(_readable(value) for column, value in row.items() if column != key))
        for row in found.get("unexpected_index_list") or ()
    )
    return Expected(
        name=rule.name,
        sentence=rule.sentence,
        on=on,
        severity=rule.severity,
        reason=rule.reason,
        success=bool(result.success),
        rows=rows,
        failing=failing,
        detail="" if result.success else _detail(result),
    )


def _detail(result: Any) -> str:
    """What GX says beyond the rows: a table that differs in shape, or a column that could not be evaluated."""
    raised = [i for i in (result.exception_info or {}).values() if isinstance(i, dict)]
    if raised:
        return str(raised[0].get("exception_message", ""))
    return str((result.result.get("details") or {}).get("mismatched", ""))


def _stopped_by(expected: Iterable[Expected]) -> str:
    failed = [e for e in expected if e.severity is Severity.CRITICAL and not e.success]
    return "; ".join(
        f"it does not hold that {e.sentence}"
        + (f" ({len(e.failing)} of {e.rows} {e.on.value}s)" if e.failing else "")
        + (f": {e.detail}" if e.detail else "")
        for e in failed
    )


def _readable(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _photo_table(photos: Sequence[PhotoRow]) -> pd.DataFrame:
    return pd.DataFrame([asdict(row) for row in photos], columns=list(PhotoRow.__dataclass_fields__))


def _face_table(faces: Sequence[FaceRow]) -> pd.DataFrame:
    """One column per check that exists today; a face without that score has no value there."""
    names = [check.name for check in checks_on(SubjectKind.FACE)]
    rows = [
        {column: getattr(row, column) for column in _FACE_COLUMNS} | {name: row.scores.get(name) for name in names}
        for row in faces
    ]
    table = pd.DataFrame(rows, columns=[*_FACE_COLUMNS, *names])
    return table.astype(dict.fromkeys(("padded", "side", *names), "float64"))
