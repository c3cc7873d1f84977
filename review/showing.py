"""One subject as the page shows it to one person: what is known of it, and no more than that person may see."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.looks import Look
from catalog.records import MACHINE, Decision, Provenance, ReviewItem, Score, SubjectKind
from preprocessing.checks import CHECKS, Thresholds, boxes_of, judge, told
from review import languages
from review.access import Person
from review.links import link
from review.records import Item, Measured, Origin, Said, Standing, Suggestion

#: The longest side of the picture in the single view.
LARGE = 1280


def shown(item: ReviewItem, person: Person, thresholds: Thresholds, look: Look) -> Item:
    """The item. Whoever looks blindly sees neither flags nor scores, nor anybody's verdict but their own."""
    kind = item.subject.kind
    address, is_photo = f"image/{kind}/{item.subject.id}", kind is SubjectKind.PHOTO
    width, height = _fitted(*item.size) if is_photo else item.size
    flags = () if look.blind else item.flags
    return Item(
        id=item.subject.id,
        kind=kind,
        photo=item.photo_id,
        domain=item.domain,
        thumbnail=f"{address}?side=480" if is_photo else address,
        picture=f"{address}?side={LARGE}" if is_photo else address,
        origin=_origin(item.provenance),
        flags=tuple(
            Suggestion(flag.reason, _spoken(flag.by.rpartition(":")[2]), languages.spoken(flag.detail))
            for flag in flags
        ),
        scores=() if look.blind else _measured(item.scores, thresholds),
        decision=standing(look.decision, person) if look.decision else None,
        blind=look.blind,
        looks=tuple(Said(said.verdict, said.reason, said.note) for said in look.looks),
        width=width,
        height=height,
        whole=f"{address}?side=0",
    )


def _fitted(width: int, height: int) -> tuple[int, int]:
    """The size of a photo as a picture that is at most so large."""
    longest = max(width, height)
    if longest <= LARGE:
        return width, height
    return max(1, round(width * LARGE / longest)), max(1, round(height * LARGE / longest))


def standing(decision: Decision, person: Person) -> Standing:
    """A decision as the page shows it to one person."""
    return Standing(
        verdict=decision.verdict,
        reason=decision.reason,
        note=decision.note,
        by=decision.by,
        at=decision.at,
        mine=decision.by == person.id,
        machine=decision.by.startswith(MACHINE),
    )


def _origin(provenance: Provenance) -> Origin:
    return Origin(
        source=provenance.source,
        query=provenance.query,
        page_url=provenance.page_url,
        page_link=link(provenance.page_url),
        licence=provenance.licence,
        licence_link=link(provenance.licence_url),
        attribution=provenance.attribution,
        author=provenance.author,
        title=provenance.title,
        found_at=provenance.found_at,
        generated=provenance.generated,
    )


def _measured(scores: Sequence[Score], thresholds: Thresholds) -> tuple[Measured, ...]:
    judged = {finding.score.check: finding for finding in judge(scores, thresholds)}
    return tuple(
        Measured(
            check=_spoken(score.check),
            question=languages.spoken(CHECKS[score.check].question) if score.check in judged else "",
            value=score.value,
            threshold=judged[score.check].threshold if score.check in judged else None,
            good=judged[score.check].good if score.check in judged else None,
            detail=", ".join(f"{name} {value}" for name, value in told(score).items()),
            boxes=boxes_of(score),
        )
        for score in scores
    )


def _spoken(name: str) -> str:
    """``left_eye_open`` as it is said: left eye open, in the reader's language."""
    return languages.spoken(name.replace("_", " "))
