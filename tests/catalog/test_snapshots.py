"""A snapshot is recorded once and never changes; the gate's every decision about it is kept."""

from __future__ import annotations

import math

import pytest

from catalog.catalog import Catalog
from catalog.errors import BadInput, NotFound
from catalog.records import Domain, GateDecision
from rows import Rows, sha256_of

ONE, TWO = sha256_of("one"), sha256_of("two")


def test_a_snapshot_knows_its_faces_and_their_domains(catalog: Catalog, rows: Rows) -> None:
    rows.approved_face(domain=Domain.BARE)
    rows.approved_face(domain=Domain.MAKEUP)
    rows.approved_face(domain=Domain.MAKEUP)
    approved = catalog.faces.approved()
    made = catalog.snapshots.add(ONE, manifest=TWO, faces=approved)
    assert (made.id, made.manifest, made.faces, made.bare, made.makeup) == (ONE, TWO, 3, 1, 2)
    assert catalog.snapshots.faces(ONE) == sorted(face.face_id for face in approved)
    assert catalog.snapshots.newest() == made


def test_the_same_snapshot_is_recorded_once(catalog: Catalog, rows: Rows) -> None:
    rows.approved_face()
    first = catalog.snapshots.add(ONE, manifest=TWO, faces=catalog.faces.approved())
    assert catalog.snapshots.add(ONE, manifest=TWO, faces=catalog.faces.approved()) == first
    assert catalog.snapshots.count() == 1


def test_an_empty_snapshot_is_a_snapshot(catalog: Catalog) -> None:
    assert catalog.snapshots.newest() is None
    assert catalog.snapshots.add(ONE, manifest=TWO, faces=[]).faces == 0
    assert catalog.snapshots.faces(ONE) == []


def test_a_snapshot_is_found_by_the_beginning_that_only_it_has(catalog: Catalog) -> None:
    catalog.snapshots.add("ab" + "0" * 62, manifest=ONE, faces=[])
    catalog.snapshots.add("ac" + "0" * 62, manifest=ONE, faces=[])
    assert catalog.snapshots.get("ab").id == "ab" + "0" * 62
    for unclear in ("a", "", "%", "zz", "_b"):
        with pytest.raises(NotFound):
            catalog.snapshots.get(unclear)


def test_the_gate_s_decisions_are_kept_newest_first(catalog: Catalog) -> None:
    catalog.snapshots.add(ONE, manifest=TWO, faces=[])
    no = catalog.snapshots.add_gate_decision(GateDecision(ONE, False, ("7 faces of 20000",), {"faces": 7.0}))
    yes = catalog.snapshots.add_gate_decision(GateDecision(ONE, True, (), {"faces": 20000.0}))
    assert catalog.snapshots.gate_decisions() == [yes, no]
    assert catalog.snapshots.gate_decisions(limit=1) == [yes]
    assert (no.reasons, no.numbers, no.at is not None) == (("7 faces of 20000",), {"faces": 7.0}, True)


def test_the_gate_decides_with_numbers(catalog: Catalog) -> None:
    catalog.snapshots.add(ONE, manifest=TWO, faces=[])
    with pytest.raises(BadInput, match="ratio"):
        catalog.snapshots.add_gate_decision(GateDecision(ONE, False, (), {"ratio": math.inf}))
