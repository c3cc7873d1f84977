"""What the tasks of `retrain_model` do beside their steps: put the question to a person, and hear the answer.

The question is Markdown, which Airflow's page shows below its headline. Addresses in it are relative to Airflow's own,
wherever that is; the pictures are the desk's, which gives them to who is signed in. Airflow imports this file in all
its processes, so it imports what it needs when it is asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from training.release.signoff import Question, SignOff

#: The task that asks, and the name under which it leaves the answer that `promote` heeds.
SIGN_OFF, ANSWER = "sign_off", "answer"
_BESIDE = 4  # pictures in a row


def ask(evaluation: int) -> str:
    """What a person is asked before this model is promoted, as Markdown; empty when nobody need be asked."""
    from training import steps

    question = steps.unusual(evaluation)
    return "" if question is None else body_of(question)


def keep_answer(context: Context) -> None:
    """Leave what was answered where `promote` finds it: a refusal ends the task before it has given any result.

    Airflow calls it when the task has ended well. Should `promote` ever be faster, it finds no answer, promotes
    nothing, and looks again when it is retried.
    """
    told = context["task"].hitl_summary  # type: ignore[attr-defined]  # of the operator that asks
    given = {name: told.get(name) for name in ("chosen_options", "params_input", "responded_at", "responded_by_user")}
    context["ti"].xcom_push(key=ANSWER, value=given)


def promote(evaluation: int) -> int:
    """Promote the model, or not, heeding what was answered in this run."""
    from training import steps

    answer = get_current_context()["ti"].xcom_pull(task_ids=SIGN_OFF, key=ANSWER)
    return steps.promote(evaluation, signed=answer_of(answer))


def body_of(question: Question) -> str:
    """The question as Markdown: why it is asked, what was measured, some of the new faces, and where to see more."""
    from faceloop import PREFIX

    change = question.change
    domains = sorted(change.faces.keys() | change.faces_before.keys())
    faces = [f"![A new face, {face.domain}]({PREFIX}/image/face/{face.face_id}?side=160)" for face in question.sample]
    rows = [
        f"| {domain} | {change.faces_before.get(domain, 0)} ({change.share_before(domain):.1%}) "
        f"| {change.faces.get(domain, 0)} ({change.share(domain):.1%}) |"
        for domain in domains
    ]
    return "\n".join(
        [
            "This model is not worse than the champion, but what it learned from has changed unusually:",
            "",
            *(f"- {reason}" for reason in question.reasons),
            "",
            "| faces | the champion's | this model's |",
            "|---|---|---|",
            *rows,
            f"| new | | {change.fresh} ({change.fresh_share:.1%}) |",
            "",
            f"**Some of the new faces** ([more in the review desk]({PREFIX}/snapshot/{change.snapshot})):",
            "",
            *_in_rows(faces),
            "",
            "**What was measured**",
            "",
            *(f"- {reason}" for reason in question.judgement.reasons),
            "",
            "*Approve* makes it champion, *Reject* keeps it as a candidate. Your name and reason are kept with it.",
        ]
    )


def _in_rows(pictures: Sequence[str]) -> list[str]:
    """Pictures side by side: Airflow shows each below the other unless they are a table's."""
    rows = [f"| {' | '.join(pictures[start : start + _BESIDE])} |" for start in range(0, len(pictures), _BESIDE)]
    return [*rows[:1], "|---" * min(_BESIDE, len(pictures)) + "|", *rows[1:]] if rows else []


def answer_of(given: Mapping[str, Any] | None) -> SignOff | None:
    """What a person answered; None when nobody was asked, or the answer is nobody's."""
    from training.release.signoff import SignOff

    if not given or not given.get("responded_by_user"):
        return None
    return SignOff(
        approved=list(given["chosen_options"]) == ["Approve"],
        by=given["responded_by_user"]["name"],
        at=datetime.fromisoformat(given["responded_at"]),
        why=str((given.get("params_input") or {}).get("why") or ""),
    )
