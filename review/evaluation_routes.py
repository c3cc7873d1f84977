"""The page of an evaluation, as it was written when a model was measured: for whoever may see faces."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import Response

from review.batch_routes import Number
from review.desk import Desk
from training.evaluation.page_policy import policy_of


def add_to(app: FastAPI, *, desk: Any) -> None:
    """Add the route. ``desk`` is a dependency; that somebody may read is asked of every route (app.py)."""

    @app.get("/evaluation/{evaluation_id}")
    def evaluation(evaluation_id: Number, desk: Desk = desk) -> Response:
        page = desk.evaluation_page(evaluation_id)
        headers = {"Content-Security-Policy": policy_of(page)}
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)
