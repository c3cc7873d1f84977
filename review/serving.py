"""What one person is given to look at, what they decide, and what they decided: the verbs behind the desk's JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from catalog import Catalog, settings
from catalog.errors import BadInput, Conflict, NotFound
from catalog.queue import Holding
from catalog.records import STAGE_SUBJECT, Judgement, ReviewItem, Stage, Subject, SubjectKind
from preprocessing import crowds
from preprocessing.checks import Thresholds
from preprocessing.report import BatchReport
from review import languages, words
from review.access import Person
from review.neighbours import Neighbours
from review.ranking import Rankings
from review.records import Acts, Beside, Held, Item, Mine, Neighbour, Order, Outcome, Page, Wanted
from review.showing import LARGE, shown, standing

#: How many items a page of the grid holds.
PAGE = 24
#: What waits, the oldest first.
EVERY_WAITING = Wanted()


class Serving:
    """Gives and takes, for one catalog. Safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._neighbours = Neighbours(catalog)
        self._rankings = Rankings(catalog)

    def page(
        self,
        batch_id: int,
        stage: Stage,
        *,
        person: Person,
        wanted: Wanted = EVERY_WAITING,
        after: str = "",
        limit: int = PAGE,
    ) -> Page:
        """The next subjects of a stage: what waits, given to whoever may decide for a while; or every one.

        BadInput: a cursor that is none of ours.
        """
        start = _number(after)
        if wanted.listed or not person.may_decide:
            return self._listed(batch_id, stage, person, wanted, start, limit)
        order = None
        if wanted.order is not Order.OLDEST:
            ranking = self._rankings.of(batch_id, stage, wanted.order, Thresholds.current(self._catalog))
            order = Rankings.after(ranking, start) if start else ranking
        given = self._catalog.queue.give(
            batch_id, stage, person=person.id, limit=limit, after=start, sieve=wanted.sieve, order=order
        )
        items = self._items(given.subjects, stage, person)
        next_ = None if given.last is None else str(given.last)
        return Page(items, next_, settings().review_lease_seconds, given.until)

    def page_from(
        self, batch_id: int, stage: Stage, number: int, *, person: Person, wanted: Wanted = EVERY_WAITING
    ) -> Page:
        """A page that begins at one subject of a batch, whatever stands on it. NotFound when it is not there.

        To whoever may decide, one of another batch may have been given among this one's because its answer is known.
        Their page, loaded again, must not tell them so: they get what waits, whichever it is.
        """
        first = self._catalog.batches.item(Subject(STAGE_SUBJECT[stage], number), stage)
        if first.batch_id != batch_id:
            if person.may_decide:
                return self.page(batch_id, stage, person=person, wanted=wanted)
            raise NotFound(f"no {first.subject.kind} {number} in batch {batch_id}")
        after = str(number) if wanted.order is Order.OLDEST or wanted.listed else ""
        rest = self.page(batch_id, stage, person=person, wanted=wanted, after=after, limit=PAGE - 1)
        if person.may_decide and first.decision is None:
            held = self._catalog.queue.hold(batch_id, stage, person=person.id, keep=[number], release=[])
            rest = replace(rest, until=held.until)
        (item,) = self._shown([first], stage, person)
        return replace(rest, items=(item, *(each for each in rest.items if each.id != number)))

    def _listed(self, batch_id: int, stage: Stage, person: Person, wanted: Wanted, after: int, limit: int) -> Page:
        """By number, leased to nobody. Of flags nothing is told about what somebody is still to look at blindly."""
        numbers = self._catalog.queue.first(
            batch_id, stage, undecided=not wanted.listed, limit=limit + 1, after=after, sieve=wanted.sieve
        )
        kind = STAGE_SUBJECT[stage]
        items = self._items([Subject(kind, number) for number in numbers[:limit]], stage, person)
        if wanted.sieve.tells:
            items = tuple(item for item in items if not item.blind)
        return Page(items, str(numbers[limit - 1]) if len(numbers) > limit else None)

    def mine(self, batch_id: int, stage: Stage, *, person: Person, before: int | None = None, limit: int = 50) -> Mine:
        """What a person decided in a batch at a stage and has not taken back, the latest first."""
        made = self._catalog.looks.made_by(person.id, batch_id, stage, before=before, limit=limit)
        items = self._items([one.subject for one in made], stage, person)
        return Mine(items, made[-1].id if len(made) == limit else None)

    def decide(self, acts: Acts, *, person: Person) -> tuple[Outcome, ...]:
        """Record what a person did, in the order it was done; one that is refused does not stop the next.

        Conflict when the page that sends it belongs to somebody else.
        """
        if acts.person is not None and acts.person != person.id:
            raise Conflict(f"these are decisions of {acts.person}, and you are signed in as {person.id}")
        kind = STAGE_SUBJECT[acts.stage]
        judged = self._catalog.decisions.decide_all(
            [
                Judgement(Subject(kind, act.subject), act.verdict, act.reason, act.note, act.token, act.seconds)
                for act in acts.acts
            ],
            stage=acts.stage,
            by=person.id,
        )
        refused = [Subject(kind, act.subject) for act, one in zip(acts.acts, judged, strict=True) if one.refused]
        looks = self._catalog.looks.of(refused, acts.stage, person=person.id, may_decide=True)
        outcomes = []
        for act, one in zip(acts.acts, judged, strict=True):
            stands = one.decision if one.decision else looks[Subject(kind, act.subject)].decision
            outcomes.append(
                Outcome(
                    token=act.token,
                    subject=act.subject,
                    saved=one.decision is not None,
                    message=languages.spoken(str(one.refused)) if one.refused else "",
                    decision=standing(stands, person) if stands else None,
                )
            )
        return tuple(outcomes)

    def hold(self, held: Held, *, person: Person) -> Holding:
        """Hold what a page still looks at, and let go of the rest; what is somebody else's now."""
        return self._catalog.queue.hold(
            held.batch,
            held.stage,
            person=person.id,
            keep=held.keep,
            release=held.release,
            known_until=held.until,
        )

    def beside(self, stage: Stage, number: int, *, person: Person) -> Beside:
        """What lies beside a subject: photos of its batch that may show the same, faces of the same person. NotFound
        when it is in no batch."""
        item = self._catalog.batches.item(Subject(STAGE_SUBJECT[stage], number), stage)
        ties = self._neighbours.of(item.batch_id, item.photo_id)
        near = self._catalog.batches.items([Subject(SubjectKind.PHOTO, photo) for photo in ties], Stage.RAW)
        found, spoken = {one.photo_id: one for one in near}, languages.current().table(words.TIES)
        told = (_neighbour(found[photo], spoken[tie] % item.photo_id) for photo, tie in ties.items() if photo in found)
        return Beside(tuple(told), self._same_person(item, person))

    def _same_person(self, item: ReviewItem, person: Person) -> tuple[Neighbour, ...]:
        """The other faces that a flag puts beside this one; none for whoever is to see no flags, nor where nobody wants
        people told apart: then a large batch's flags are not read for each picture that somebody stays at."""
        if item.subject.kind is not SubjectKind.FACE or not settings().faces_per_person:
            return ()
        looks = self._catalog.looks.of([item.subject], item.stage, person=person.id, may_decide=person.may_decide)
        if looks[item.subject].blind:
            return ()
        flags = self._catalog.scores.flags_by(crowds.BY, item.batch_id, stage=Stage.CROP)
        found = crowds.others(item.subject.id, {flag.subject.id: flag.detail for flag in flags})
        subjects = [Subject(SubjectKind.FACE, other) for other in found]
        return tuple(
            Neighbour(each.photo_id, SubjectKind.FACE, each.subject.id, address, address, "")
            for each in self._catalog.batches.items(subjects, Stage.CROP)
            for address in (f"image/face/{each.subject.id}",)
        )

    def told_to(self, report: BatchReport, person: Person, *, shown: int) -> BatchReport:
        """A batch's report without the rows that this person is still to look at blindly; of each expectation the first
        ``shown`` rows are told."""
        expectations = []
        for expected in report.expectations:
            stage = Stage.RAW if expected.on is SubjectKind.PHOTO else Stage.CROP
            first, rest = expected.failing[: 4 * shown], expected.failing[4 * shown :]
            subjects = [Subject(expected.on, row.id) for row in first]
            looks = self._catalog.looks.of(subjects, stage, person=person.id, may_decide=person.may_decide)
            kept = tuple(row for row in first if not looks[Subject(expected.on, row.id)].blind)
            expectations.append(replace(expected, failing=kept + (rest if len(kept) >= shown else ())))
        return replace(report, expectations=tuple(expectations))

    def _items(self, subjects: Sequence[Subject], stage: Stage, person: Person) -> tuple[Item, ...]:
        found = {item.subject: item for item in self._catalog.batches.items(subjects, stage)}
        return self._shown([found[subject] for subject in subjects if subject in found], stage, person)

    def _shown(self, items: Iterable[ReviewItem], stage: Stage, person: Person) -> tuple[Item, ...]:
        items = list(items)
        thresholds = Thresholds.current(self._catalog)
        looks = self._catalog.looks.of(
            [item.subject for item in items], stage, person=person.id, may_decide=person.may_decide
        )
        return tuple(shown(item, person, thresholds, looks[item.subject]) for item in items)


def _neighbour(item: ReviewItem, tie: str) -> Neighbour:
    address = f"image/photo/{item.photo_id}"
    return Neighbour(
        item.photo_id, SubjectKind.PHOTO, item.photo_id, f"{address}?side=480", f"{address}?side={LARGE}", tie
    )


def _number(after: str) -> int:
    """The number of which a cursor speaks; 0 at the start."""
    if not after:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < 20):
        raise BadInput("this is no place in the queue")
    return int(after)
