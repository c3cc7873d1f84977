"""The verbs after measuring: ask whether a person must agree, promote, roll back. `steps` offers them too."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs
from catalog import settings as configured
from catalog.errors import CatalogError
from catalog.records import Evaluation, Model, ModelState, Reign
from training.comparing import intervals_between
from training.errors import TrainingError
from training.faces.snapshot import DOMAINS
from training.measuring import evaluate
from training.pages import put_beside
from training.release import promotion, signoff
from training.release.policy import policy_of
from training.release.signoff import Question, SignOff

if TYPE_CHECKING:
    from training.evaluation.examining import Describe


def unusual(
    evaluation_id: int,
    *,
    describe: Describe | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> Question | None:
    """What a person must be asked before this model is promoted; None when nobody need be.

    Nobody is asked about the first model, a change as usual, or a model that is not better than the champion.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    if catalog.models.of_evaluation(evaluation_id) is not None:
        return None
    challenger = catalog.models.evaluation(evaluation_id)
    change, reasons = _unusual(challenger, catalog=catalog, settings=settings)
    if change is None or not reasons:
        return None
    judgement = _judge(challenger, describe=describe, catalog=catalog, blobs=blobs, settings=settings)
    if not judgement.promote:
        return None
    fresh = catalog.snapshots.fresh_faces(change.snapshot, since=change.before)
    return Question(change, reasons, judgement, signoff.sample(fresh))


def promote(
    evaluation_id: int,
    *,
    signed: SignOff | None = None,
    again: bool = False,
    describe: Describe | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> int:
    """Make the evaluated model champion, or keep it as a candidate, with the reasons; gives the model's id.

    The champion is measured anew on the same held-out faces by the same code; when it cannot be, nothing is promoted.
    `signed` is what a person answered who was asked: a refusal holds, and an unusual change needs a yes.
    What was judged is not judged twice, unless a model that was refused is judged `again`, by today's policy.
    The served files follow: an export that fails is an alert, and the champion stays.
    Raises NotSignedOff, BadPolicy.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    judged = catalog.models.of_evaluation(evaluation_id)
    if judged is not None and not (again and judged.state is ModelState.CANDIDATE):
        _serve(judged, catalog=catalog, blobs=blobs, settings=settings)  # the last call may have been killed before
        return judged.id
    challenger = catalog.models.evaluation(evaluation_id)
    champion = catalog.models.champion()
    _, reasons = _unusual(challenger, catalog=catalog, settings=settings)
    if signed is not None and not signed.approved:  # measured for nothing otherwise
        judgement = signoff.heeding(promotion.Judgement(promote=False, reasons=()), reasons, signed)
    else:
        judgement = _judge(challenger, describe=describe, catalog=catalog, blobs=blobs, settings=settings)
        judgement = signoff.heeding(judgement, reasons, signed)
    over = champion.id if champion else None
    from training import following

    promote, why = judgement.promote, judgement.reasons
    model = catalog.models.add(challenger, promote=promote, reasons=why, over=over, again=again)
    following.report_model(model, catalog=catalog, settings=settings)
    _serve(model, catalog=catalog, blobs=blobs, settings=settings)
    return model.id


def roll_back(
    to: int | None = None,
    *,
    by: str,
    why: str,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> Reign:
    """Make an earlier champion (default: the one before) champion again; the served files follow.

    A model that was taken back so is not promoted again without a person's word. Raises NotFound, BadInput, Conflict.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    from training.release import serving

    try:
        return catalog.reigns.roll_back(to, by=by, why=why)
    finally:  # also when it was refused: an earlier call may have been killed before the files followed
        serving.follow(catalog=catalog, blobs=blobs, settings=settings)


def is_champion(model_id: int, *, catalog: Catalog | None = None) -> bool:
    """Whether this model is the one that is served."""
    champion = (catalog or Catalog()).models.champion()
    return champion is not None and champion.id == model_id


def _unusual(
    challenger: Evaluation, *, catalog: Catalog, settings: Settings
) -> tuple[signoff.Change | None, tuple[str, ...]]:
    """How what a model learned from differs from what the champion did, and why that is for a person to judge.

    So is a model of a run that somebody has taken back.
    """
    snapshot_id = catalog.models.run(challenger.run_id).snapshot_id
    change = signoff.change_since_champion(catalog, snapshot_id)
    if change is None:
        return None, ()
    reasons = signoff.unusual(change, balance=settings.sign_off_balance, fresh=settings.sign_off_fresh_faces)
    if (taken := catalog.reigns.taken_back(challenger.run_id)) is not None:
        when = f"{taken.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        why = " ".join(taken.why.split())
        reasons = (f"a model of this run was taken back by {taken.by}, {when}: {why}", *reasons)
    return change, reasons


def _serve(model: Model, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> None:
    """Let the served files follow the catalog. A candidate gets its card alone."""
    from training.release import serving

    if model.state is ModelState.CHAMPION:
        serving.follow(catalog=catalog, blobs=blobs, settings=settings)
    else:
        serving.keep_card(model.id, catalog=catalog, blobs=blobs)


def _judge(
    challenger: Evaluation, *, describe: Describe | None, catalog: Catalog, blobs: Blobs, settings: Settings
) -> promotion.Judgement:
    """The metrics' word: beside the champion's, measured anew, or alone when there is none."""
    directions = [f"{a}_to_{b}" for a in DOMAINS for b in DOMAINS if a != b]
    policy = policy_of(settings.promotion_policy)
    champion = catalog.models.champion()
    if champion is None:
        return promotion.decide(challenger.metrics, None, directions=directions, policy=policy)
    try:
        measured = evaluate(
            champion.run_id,
            step=catalog.models.evaluation(champion.evaluation_id).step,
            on=catalog.models.run(challenger.run_id).snapshot_id,
            describe=describe,
            catalog=catalog,
            blobs=blobs,
            settings=settings,
        )
    except (TrainingError, CatalogError) as error:
        return promotion.Judgement(promote=False, reasons=(f"the champion cannot be measured: {error}",))
    reigning = catalog.models.evaluation(measured)
    if reigning.version != challenger.version:
        unlike = "measured by other code, on other faces or on another kind of device than the champion; evaluate again"
        return promotion.Judgement(promote=False, reasons=(unlike,))
    intervals = intervals_between(challenger, reigning, blobs=blobs)
    both = challenger.metrics, reigning.metrics
    compared = promotion.compare(*both, directions=directions, policy=policy, intervals=intervals)
    put_beside(challenger, compared, champion=f"model {champion.id}", catalog=catalog, blobs=blobs, settings=settings)
    return promotion.decide(*both, directions=directions, policy=policy, intervals=intervals)
