"""The button on an evaluation's task that leads to its page in the review desk.

Airflow imports this file in all its processes, so it imports what it needs when it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey


class ReportLink(BaseOperatorLink):
    """Leads from a task that gave an evaluation's number to what was measured.

    The worker works the address out when the task has ended and leaves it with the task's results, so that Airflow's
    web server need not. It is relative to Airflow's own, wherever that is.
    """

    @property
    def name(self) -> str:
        """On the button."""
        return "Report"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Where the page is; empty, and so no button, when the task gave no evaluation."""
        from faceloop import PREFIX

        task: Any = ti_key  # of a task that has just ended it is the task's instance itself
        number = task.xcom_pull(task_ids=task.task_id, map_indexes=task.map_index)
        return f"{PREFIX}/evaluation/{number}" if isinstance(number, int) else ""
