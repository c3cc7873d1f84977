"""A key is submitted once, a run is trained once at a time, and what has ended stays as it ended."""

from __future__ import annotations

import threading

import pytest

from catalog.catalog import Catalog
from catalog.errors import NotFound
from catalog.records import Submission, SubmissionState
from rows import sha256_of

ONE, TWO, RUN = sha256_of("one"), sha256_of("two"), "tiny-64-aa-s1"
ENDED_BADLY = (SubmissionState.FAILED, SubmissionState.STOPPED, SubmissionState.LOST)


@pytest.fixture
def snapshot(catalog: Catalog) -> str:
    return catalog.snapshots.add("5" * 64, manifest=ONE, faces=[]).id


def submit(catalog: Catalog, key: str = ONE, *, run: str = RUN, runner: str = "local") -> Submission:
    return catalog.submissions.open(key, run=run, snapshot_id="5" * 64, runner=runner, job={"preset": "tiny-64"})


@pytest.mark.usefixtures("snapshot")
def test_the_same_key_is_the_same_submission(catalog: Catalog) -> None:
    first = submit(catalog)
    assert (first.state, first.attempt, first.job) == (SubmissionState.SUBMITTED, 1, {"preset": "tiny-64"})
    assert submit(catalog) == first
    assert catalog.submissions.list() == [first]


@pytest.mark.usefixtures("snapshot")
def test_many_at_once_make_one(catalog: Catalog, url: str) -> None:
    found: list[Submission] = []

    def one() -> None:
        own = Catalog(url, migrate=False)
        found.append(submit(own))
        own.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert {each.attempt for each in found} == {1}
    assert len(catalog.submissions.list()) == 1


@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("state", ENDED_BADLY)
def test_one_that_ended_badly_is_attempted_again_under_its_key(catalog: Catalog, state: SubmissionState) -> None:
    ended = catalog.submissions.note(submit(catalog), state=state, exit_code=1, reason="so it went")
    assert (ended.state, ended.exit_code, ended.reason) == (state, 1, "so it went")
    assert ended.ended_at is not None
    again = submit(catalog, runner="ssh")
    assert (again.key, again.attempt, again.state, again.runner) == (ONE, 2, SubmissionState.SUBMITTED, "ssh")
    assert (again.exit_code, again.reason, again.ended_at) == (None, "", None)


@pytest.mark.usefixtures("snapshot")
def test_one_that_ended_well_is_not(catalog: Catalog) -> None:
    done = catalog.submissions.note(submit(catalog), state=SubmissionState.SUCCEEDED, exit_code=0)
    assert submit(catalog) == done


@pytest.mark.usefixtures("snapshot")
def test_while_a_run_is_trained_another_key_of_it_gives_that_submission(catalog: Catalog) -> None:
    first = submit(catalog)
    assert submit(catalog, TWO) == first
    assert submit(catalog, TWO, run="another").key == TWO
    catalog.submissions.note(first, state=SubmissionState.SUCCEEDED)
    assert submit(catalog, sha256_of("three")).key == sha256_of("three")


@pytest.mark.usefixtures("snapshot")
def test_what_is_said_of_an_attempt_that_is_over_changes_nothing(catalog: Catalog) -> None:
    first = submit(catalog)
    lost = catalog.submissions.note(first, state=SubmissionState.LOST)
    assert catalog.submissions.note(first, state=SubmissionState.SUCCEEDED) == lost
    second = submit(catalog)
    assert catalog.submissions.note(first, state=SubmissionState.FAILED) == second


@pytest.mark.usefixtures("snapshot")
def test_one_seen_to_run_does_not_wait_again_and_keeps_its_handle(catalog: Catalog) -> None:
    first = catalog.submissions.note(submit(catalog), state=SubmissionState.RUNNING, handle={"folder": "x"})
    later = catalog.submissions.note(first, state=SubmissionState.SUBMITTED)
    assert (later.state, later.handle) == (SubmissionState.RUNNING, {"folder": "x"})


@pytest.mark.usefixtures("snapshot")
@pytest.mark.parametrize("state", [SubmissionState.STOPPED, SubmissionState.LOST])
def test_one_that_we_asked_to_stop_is_cancelled_and_may_go_on(catalog: Catalog, state: SubmissionState) -> None:
    first = submit(catalog)
    assert catalog.submissions.ask_to_stop(ONE).stop_asked
    assert catalog.submissions.note(first, state=state, exit_code=75).state is SubmissionState.CANCELLED
    assert not catalog.submissions.ask_to_stop(ONE).state.active
    again = submit(catalog)
    assert (again.attempt, again.stop_asked) == (2, False)


@pytest.mark.usefixtures("snapshot")
def test_what_has_ended_stands_until_it_is_torn_down(catalog: Catalog) -> None:
    first = submit(catalog)
    assert catalog.submissions.standing() == []
    ended = catalog.submissions.note(first, state=SubmissionState.FAILED)
    assert catalog.submissions.standing() == [ended]
    catalog.submissions.note_torn_down(ended)
    assert catalog.submissions.standing() == []
    assert submit(catalog).torn_down_at is None


@pytest.mark.usefixtures("snapshot")
def test_the_list_tells_runners_and_the_active_apart_and_a_key_may_be_shortened(catalog: Catalog) -> None:
    here = submit(catalog)
    there = submit(catalog, TWO, run="another", runner="ssh")
    catalog.submissions.note(here, state=SubmissionState.LOST)
    assert [each.key for each in catalog.submissions.list()] == [TWO, ONE]
    assert catalog.submissions.list(active=True) == catalog.submissions.list(runner="ssh") == [there]
    assert catalog.submissions.get(TWO[:9]) == there
    for unclear in ("", "zz"):
        with pytest.raises(NotFound):
            catalog.submissions.get(unclear)
