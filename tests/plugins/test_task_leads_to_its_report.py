"""The button on an evaluation's task leads to the page of the evaluation that it gave."""

from __future__ import annotations

from typing import Any

import pytest


class Ended:
    """A task that has ended, with what it gave."""

    task_id, map_index = "evaluate", -1

    def __init__(self, gave: object) -> None:
        self.gave = gave

    def xcom_pull(self, *, task_ids: str, map_indexes: int) -> object:
        assert (task_ids, map_indexes) == (self.task_id, self.map_index)
        return self.gave


@pytest.mark.parametrize(("gave", "leads_to"), [(7, "review-desk/evaluation/7"), (None, ""), ("x", "")])
def test_it_is_relative_to_airflow_and_empty_without_an_evaluation(gave: object, leads_to: str) -> None:
    from reporting import ReportLink

    ended: Any = Ended(gave)
    assert ReportLink().get_link(ended, ti_key=ended) == leads_to
    assert ReportLink().name == "Report"
