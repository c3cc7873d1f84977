"""Faceloop in Airflow's web page: the review desk under ``/review-desk``, the nav item "Review", a tab on each run.

Airflow imports this file in every one of its processes, task processes too, so it holds nothing but two properties'
worth of wiring; what the desk needs is imported where Airflow's web server asks for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.plugins_manager import AirflowPlugin

if TYPE_CHECKING:
    from review.access import Access
    from review.desk import Desk

#: Where the desk is mounted, below Airflow's own address.
PREFIX = "review-desk"

#: Whoever may answer for people in this DAG may decide: Airflow's own human-in-the-loop right.
DAG = "curate_photos"


class FaceloopPlugin(AirflowPlugin):
    """What Airflow finds here."""

    name = "faceloop"

    external_views = [  # noqa: RUF012  # Airflow reads it off the class
        {
            "name": "Review",
            "href": f"{PREFIX}/",  # relative: Airflow may live below a path of its own
            "url_route": "review",
            "destination": "nav",
            "nav_top_level": True,
            "icon": f"{PREFIX}/static/review.svg",
        },
        {
            "name": "Review",
            "href": f"{PREFIX}/run?key={{RUN_ID}}",
            "url_route": "review-run",
            "destination": "dag_run",
        },
    ]

    @property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]
        """The desk, built in the web server alone."""
        from review.app import create_app

        app = create_app(open_desk=_open_desk, access=_access(), run_of=_run_of)
        return [{"app": app, "url_prefix": f"/{PREFIX}", "name": "Review desk"}]


def _run_of(key: str) -> str:
    """Airflow's page on the run that opened a batch, from the desk's root; empty for one that was opened by hand."""
    return "" if key.startswith("by hand ") else f"../dags/{DAG}/runs/{quote(key, safe='')}"


def _open_desk() -> Desk:
    from catalog import Catalog
    from catalog.blobs import open_blobs
    from review.desk import Desk

    return Desk(Catalog(), open_blobs())


def _access() -> Access:
    """The desk's guards, asked of Airflow's auth manager.

    The dependencies are defaults and not annotations: FastAPI could not resolve a name imported in this function.
    """
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
    from airflow.api_fastapi.core_api.security import get_user, requires_access_dag, requires_access_view
    from fastapi import Depends

    from review.access import Access, Person

    def person(user: Any) -> Person:
        may_decide = get_auth_manager().is_authorized_dag(
            method="PUT", access_entity=DagAccessEntity.HITL_DETAIL, details=DagDetails(id=DAG), user=user
        )
        # Signed with the user name: it is unique in both auth managers, and FAB's id is a number that says nothing.
        return Person(id=user.get_name(), name=user.get_name(), may_decide=may_decide)

    signed_in = Depends(get_user)
    may_look = Depends(requires_access_view(AccessView.WEBSITE))
    may_answer = Depends(requires_access_dag("PUT", DagAccessEntity.HITL_DETAIL, param_dag_id=DAG))

    def reader(user: Any = signed_in, _: Any = may_look) -> Person:
        return person(user)

    def reviewer(user: Any = signed_in, _: Any = may_look, __: Any = may_answer) -> Person:
        return person(user)

    return Access(reader=reader, reviewer=reviewer)
