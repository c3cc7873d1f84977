"""What a picture shows: make-up that its domain does not say, drawings, and pictures without a face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from catalog.records import Domain
from preprocessing.evaluation.case import Case, Sample, question, score

FITS, FACE, PHOTOGRAPHED = "domain_fits", "one_face", "photographed"
MADE_UP = {"heavy", "extreme"}


@question(check=FITS)
def makeup(case: Case) -> Iterator[Sample]:
    """Made-up faces filed as bare, against faces with none or light make-up."""
    yield from _filed(case, Domain.BARE, wrong=MADE_UP, right={"none", "light"})


@question(check=FITS)
def bare_filed_as_makeup(case: Case) -> Iterator[Sample]:
    """Faces without make-up filed as made up, against made-up ones."""
    yield from _filed(case, Domain.MAKEUP, wrong={"none"}, right=MADE_UP)


@question(check=PHOTOGRAPHED)
def not_a_photo(case: Case) -> Iterator[Sample]:
    """Drawings, paintings and renderings against portraits; one without a face that is found is refused: kept out."""
    if case.face is None and case.label.is_drawn:
        yield Sample(True, 0.0)
    yield from drawn_face(case)


@question(check=PHOTOGRAPHED)
def drawn_face(case: Case) -> Iterator[Sample]:
    """Those of them in which a face was found, against portraits: what is left to the check."""
    if case.face is not None and (case.label.is_drawn or case.label.is_portrait):
        yield Sample(case.label.is_drawn, case.score(PHOTOGRAPHED))


@question(check=FACE)
def no_face(case: Case) -> Iterator[Sample]:
    """Pictures without a person (products among them) against portraits; a photo without a face is refused."""
    if case.label.faces == 0 or case.label.is_portrait:
        yield Sample(case.label.faces == 0, _found(case))


@question(check=FACE)
def product(case: Case) -> Iterator[Sample]:
    """Product shots without a face, against portraits."""
    shot = case.label.faces == 0 and "product" in case.label.defects
    if shot or case.label.is_portrait:
        yield Sample(shot, _found(case))


def _found(case: Case) -> float:
    """1 when a face was found, as `screen` sees it: several faces are no reason to call a picture empty."""
    return float(bool(case.photo.faces))


def _filed(case: Case, domain: Domain, *, wrong: set[str], right: set[str]) -> Iterator[Sample]:
    said = case.label.makeup
    if case.face is not None and case.label.is_portrait and said in wrong | right:
        yield Sample(said in wrong, score(FITS, replace(case.face, domain=domain)))
