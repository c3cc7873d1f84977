"""Great Expectations' door: holds a batch's tables against their rules before people spend time on its crops.

Three tables, each with its suite: a row per photo, a row per face, and one row of rates, a column for each that earlier
batches let judge. What is expected of them is said in preprocessing.rules. GX says that a checkpoint failed for a
warning too, so severity is judged here.
"""

from __future__ import annotations

import os

os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import; nothing here may call home

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import great_expectations as gx
import numpy as np
import pandas as pd
from great_expectations.checkpoint import UpdateDataDocsAction
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.metadata_types import FailureSeverity

from catalog.records import SubjectKind
from preprocessing.checks import SHIPPED, Thresholds, checks_on
from preprocessing.report import BatchReport, Expected, FaceRow, Failing, PhotoRow, Rate, Severity
from preprocessing.rules import FACE_COLUMNS, PHOTO_COLUMNS, Rule, face_rules, photo_rules, rate_rules

logging.getLogger("great_expectations").setLevel(logging.ERROR)

_SITE = "batch"


def validate(
    *,
    batch_id: int,
    photos: Sequence[PhotoRow],
    faces: Sequence[FaceRow],
    rates: Sequence[Rate] = (),
    thresholds: Thresholds = SHIPPED,
    docs: Path | None = None,
) -> BatchReport:
    """Hold a batch's tables against their suites; write Data Docs into the folder `docs` when it is given."""
    context = _context(docs)
    expected = (
        *_judged(context, SubjectKind.PHOTO, _photo_table(photos), photo_rules()),
        *_judged(context, SubjectKind.FACE, _face_table(faces), face_rules(thresholds)),
    )
    report = BatchReport(
        batch_id=batch_id,
        success=True,
        stopped_by=_stopped_by(expected),
        photos=len(photos),
        faces=len(faces),
        expectations=expected,
        docs=str(docs / "index.html") if docs else "",
    )
    return report.with_rates(_judged_rates(context, rates))


def judge_rates(rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """The rates, each with what Great Expectations says of it."""
    return _judged_rates(_context(None), rates)


def _context(docs: Path | None) -> Any:
    """A context that is gone with the process, and writes Data Docs into a folder when there is one."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    if docs:
        docs.mkdir(parents=True, exist_ok=True)
        context.add_data_docs_site(
            site_name=_SITE,
            site_config={
                "class_name": "SiteBuilder",
                "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
                "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
            },
        )
    return context


def _judged(context: Any, on: SubjectKind, table: pd.DataFrame, rules: Iterable[Rule]) -> Iterable[Expected]:
    rules, key = tuple(rules), f"{on.value}_id"
    ended = _run(context, f"{on.value}s", table, rules, key=key)
    return [_expected(rule, ended[rule.name], on=on, key=key, rows=len(table)) for rule in rules]


def _judged_rates(context: Any, rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """The rates, each with what GX says of it; one that cannot be judged yet is expected to be nothing."""
    rules = tuple(rate_rules(rates))
    if not rules:
        return tuple(rates)
    table = pd.DataFrame([{rate.name: rate.now for rate in rates if rate.normal}])
    ended = _run(context, "rates", table, rules)
    return tuple(replace(rate, success=bool(ended[rate.name].success)) if rate.normal else rate for rate in rates)


def _run(context: Any, name: str, table: pd.DataFrame, rules: Sequence[Rule], *, key: str = "") -> dict[str, Any]:
    """GX's result for each rule, by the rule's name. With a `key`, failing rows are named by that column."""
    suite = gx.ExpectationSuite(name, expectations=[_configured(rule) for rule in rules])
    asset = context.data_sources.add_pandas(name).add_dataframe_asset("table")
    definition = gx.ValidationDefinition(
        name=name, data=asset.add_batch_definition_whole_dataframe("all"), suite=context.suites.add(suite)
    )
    sites = context.get_site_names()
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[context.validation_definitions.add(definition)],
        actions=[UpdateDataDocsAction(name="docs", site_names=[_SITE])] if _SITE in sites else [],
        result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [key]} if key else "BASIC",
    )
    ran = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": table})
    results = [result for run in ran.run_results.values() for result in run.results]
    return {result.expectation_config.meta["name"]: result for result in results}


def _configured(rule: Rule) -> Any:
    return ExpectationConfiguration(
        type=rule.expectation,
        kwargs=dict(rule.arguments),
        meta={"name": rule.name},
        description=rule.sentence,
        severity=FailureSeverity(rule.severity.value),
    ).to_domain_obj()


def _expected(rule: Rule, result: Any, *, on: SubjectKind, key: str, rows: int) -> Expected:
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
    if pd.isna(value):
        return "nothing"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _photo_table(photos: Sequence[PhotoRow]) -> pd.DataFrame:
    """One column per check of photos too; ``forbidden`` holds the licence that lets no model learn, else nothing."""
    plain = {name: [getattr(row, name) for row in photos] for name in PHOTO_COLUMNS if name != "forbidden"}
    forbidden = {"forbidden": [None if row.learnable else row.licence for row in photos]}
    return _table(plain | forbidden, PHOTO_COLUMNS, SubjectKind.PHOTO, [row.scores for row in photos])


def _face_table(faces: Sequence[FaceRow]) -> pd.DataFrame:
    """One column per check that exists today; a face without that score has no value there."""
    plain = {name: [getattr(row, name) for row in faces] for name in FACE_COLUMNS}
    table = _table(plain, FACE_COLUMNS, SubjectKind.FACE, [row.scores for row in faces])
    return table.astype(dict.fromkeys(("padded", "side"), "float64"))


def _table(
    plain: Mapping[str, Any], order: Sequence[str], on: SubjectKind, scores: Sequence[Mapping[str, float]]
) -> pd.DataFrame:
    """Made by columns: by rows it takes four times as long as all that GX does with it."""
    measured = {c.name: np.array([row.get(c.name, nan) for row in scores], dtype=float) for c in checks_on(on)}
    return pd.DataFrame({name: plain[name] for name in order} | measured)
