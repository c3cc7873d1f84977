"""Each row of the log is sealed with the one before it; what was altered, removed or inserted shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from alembic import command
from sqlalchemy import Connection, text

from catalog.catalog import Catalog
from catalog.migration import config
from catalog.records import BatchState, Judgement, Reason, Stage, Verdict
from review.__main__ import main
from rows import Rows, subject_of


@contextmanager
def tampering(catalog: Catalog) -> Iterator[Connection]:
    """Whoever owns the database can lift what forbids changes."""
    with catalog.writing() as connection:
        if catalog.dialect == "postgresql":
            connection.execute(text("ALTER TABLE decisions DISABLE TRIGGER ALL"))
        else:
            connection.execute(text("DROP TRIGGER decisions_no_update"))
            connection.execute(text("DROP TRIGGER decisions_no_delete"))
        yield connection


def some_decisions(catalog: Catalog, rows: Rows) -> str:
    """Six decisions of two people and a check; the head of the log after them."""
    _, photos = rows.batch(3)
    rows.approve(photos[0], Stage.RAW, by="rita")
    rows.reject(photos[1], Stage.RAW, by="olga", reason=Reason.EYES)
    catalog.decisions.decide(subject_of(photos[0]), stage=Stage.RAW, verdict=Verdict.UNDO, by="rita")
    rows.approve(photos[0], Stage.RAW, by="olga")
    catalog.decisions.reject_by_check(subject_of(photos[2]), check="mirrored", stage=Stage.RAW, reason=Reason.MIRRORED)
    rows.approve(rows.face(photos[0]), Stage.CROP, by="rita")
    return catalog.log.head()


def test_an_untouched_log_is_whole_and_comes_to_what_stands(catalog: Catalog, rows: Rows) -> None:
    head = some_decisions(catalog, rows)
    found = catalog.log.verify(head=head)
    assert (found.whole, found.rows, found.standing, found.head) == (True, 6, 4, head)


def test_a_log_without_a_row_is_whole(catalog: Catalog) -> None:
    found = catalog.log.verify()
    assert (found.whole, found.rows, found.head) == (True, 0, "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE decisions SET \"by\" = 'rita' WHERE id = 2",
        "UPDATE decisions SET at = '2020-01-01 00:00:00+00:00' WHERE id = 2",
        "UPDATE decisions SET note = 'she asked for it' WHERE id = 2",
        "UPDATE decisions SET seconds = 4 WHERE id = 2",
        "UPDATE decisions SET role = 'gold' WHERE id = 2",
        "UPDATE decisions SET seal = '' WHERE id = 2",
    ],
)
def test_a_row_that_was_altered_is_named(catalog: Catalog, rows: Rows, change: str) -> None:
    some_decisions(catalog, rows)
    with tampering(catalog) as connection:
        connection.execute(text(change))
    found = catalog.log.verify()
    assert not found.whole
    assert found.wrong[0] == "decision 2 was altered or inserted: it does not follow decision 1"


def test_a_row_that_was_removed_is_missed(catalog: Catalog, rows: Rows) -> None:
    some_decisions(catalog, rows)
    with tampering(catalog) as connection:
        connection.execute(text("DELETE FROM decisions WHERE id = 3"))
    assert catalog.log.verify().wrong[0] == "decision 4 does not follow decision 2: 3 removed, or 4 altered"


def test_a_row_that_was_put_between_is_noticed(catalog: Catalog, rows: Rows) -> None:
    some_decisions(catalog, rows)
    with catalog.writing() as connection:
        connection.execute(
            text(
                'INSERT INTO decisions (id, photo_id, stage, verdict, "by", at, token)'
                " SELECT 7, photo_id, stage, 'approve', 'mallory', at, 'forged' FROM decisions WHERE id = 2"
            )
        )
    assert catalog.log.verify().wrong[0] == "decision 7 was altered or inserted: it does not follow decision 6"


def test_rows_removed_at_the_end_are_missed_by_whoever_noted_the_head(catalog: Catalog, rows: Rows) -> None:
    head = some_decisions(catalog, rows)
    with tampering(catalog) as connection:
        connection.execute(text("DELETE FROM standing_decisions WHERE stage = 'crop'"))
        connection.execute(text("DELETE FROM decisions WHERE id = 6"))
    assert catalog.log.verify().whole, "the chain alone cannot tell"
    (wrong,) = catalog.log.verify(head=head).wrong
    assert wrong == f"no row has the seal {head}: rows were removed at the end, or all was sealed anew"


def test_a_head_noted_earlier_is_still_there_when_more_was_decided(catalog: Catalog, rows: Rows) -> None:
    head = some_decisions(catalog, rows)
    _, (photo,) = rows.batch()
    rows.approve(photo, Stage.RAW)
    assert catalog.log.verify(head=head).whole


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            "UPDATE standing_decisions SET verdict = 'reject', reason = 'other' WHERE stage = 'crop'",
            "face 1 at the crop stage: reject by rita stands, but the log comes to approve by rita",
        ),
        (
            "DELETE FROM standing_decisions WHERE stage = 'crop'",
            "face 1 at the crop stage: nothing stands, but the log comes to approve by rita",
        ),
        (
            "UPDATE standing_decisions SET looks = 2 WHERE stage = 'crop'",
            "face 1 at the crop stage: looks differ from the log",
        ),
    ],
)
def test_what_stands_is_held_against_the_log_row_by_row(
    catalog: Catalog, rows: Rows, change: str, sentence: str
) -> None:
    some_decisions(catalog, rows)
    with catalog.writing() as connection:
        connection.execute(text(change))
    found = catalog.log.verify()
    assert (found.wrong, found.differences) == ((sentence,), 1)


def test_of_an_erased_photo_the_log_keeps_what_was_said_and_nothing_stands(catalog: Catalog, rows: Rows) -> None:
    some_decisions(catalog, rows)
    catalog.erasures.add(1, by="rita")
    found = catalog.log.verify()
    assert (found.whole, found.rows, found.standing) == (True, 6, 2)


def test_the_rows_of_an_older_catalog_are_sealed_on_the_way_and_what_they_come_to_is_kept(
    catalog: Catalog, rows: Rows
) -> None:
    head = some_decisions(catalog, rows)
    command.downgrade(config(catalog.engine), "0005")
    catalog.migrate()
    found = catalog.log.verify(head=head)
    assert (found.whole, found.rows, found.standing) == (True, 6, 4)
    with pytest.raises(Exception, match="only ever added"), catalog.writing() as connection:
        connection.execute(text("UPDATE decisions SET seal = ''"))
    again = Catalog(catalog.url)
    again.batches.close(1, state=BatchState.STOPPED, reason="enough")
    again.close()


def test_one_transaction_of_many_acts_seals_each(catalog: Catalog, rows: Rows) -> None:
    _, photos = rows.batch(5)
    acts = [Judgement(subject_of(photo), Verdict.APPROVE, seconds=0.1234567) for photo in photos]
    judged = catalog.decisions.decide_all(acts, stage=Stage.RAW, by="rita")
    assert [one.decision.seconds for one in judged if one.decision] == [0.123] * 5
    assert catalog.log.verify().whole


# -------------------------------------------------------------------------------------- the command


def test_the_command_says_that_all_is_well(
    catalog: Catalog, rows: Rows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACELOOP_DATABASE", catalog.engine.url.render_as_string(hide_password=False))
    head = some_decisions(catalog, rows)
    assert main(["log", "--verify", "--head", head]) == 0
    assert f"head: {head}" in capsys.readouterr().out
    assert main(["log", "--person", "rita"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert main(["log", "--person", "nobody", "--json"]) == 0
    assert '"decisions": []' in capsys.readouterr().out
    assert main(["log", "--limit", "2"]) == 0
    *_, second, more = capsys.readouterr().out.splitlines()
    assert more == f"there may be more: --after {second.split()[0]}"
    assert main(["log", "--after", second.split()[0]]) == 0
    assert second not in capsys.readouterr().out
    assert main(["log", "--batch", "404", "--json"]) == 1
    assert "no batch 404" in capsys.readouterr().out


def test_the_command_ends_badly_when_something_is_wrong(
    catalog: Catalog, rows: Rows, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACELOOP_DATABASE", catalog.engine.url.render_as_string(hide_password=False))
    some_decisions(catalog, rows)
    assert main(["log", "--verify", "--head", "f" * 64, "--json"]) == 1
    assert '"ok": false' in capsys.readouterr().out
