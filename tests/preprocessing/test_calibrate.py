"""calibrate: thresholds follow what people decided, to a chosen share of false alarms, and only where it is plain."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reviewed import HEAD_ROOM, reviewed, scored

from catalog import Catalog
from catalog.records import Cases, Share, Verdict
from preprocessing.__main__ import main
from preprocessing.calibration import MIN_REJECTED, calibrate, enough_approved, fit, outcome, threshold_at
from preprocessing.checks import CHECKS, SHIPPED, Thresholds

#: The worst that people still reject scores 0.39, the best 0.10; what they approve begins at 0.40.
REJECTED = [round(0.1 + 0.01 * number, 3) for number in range(30)]
APPROVED = [round(0.4 + 0.004 * number, 3) for number in range(150)]

SCORES = st.floats(0, 1)


# ------------------------------------------------------------------------------------------------- the fit


def some(rejected: list[float], approved: list[float]) -> Cases:
    return Cases(tuple(sorted(rejected)), tuple(sorted(approved)))


CASES = st.builds(some, st.lists(SCORES, max_size=60), st.lists(SCORES, min_size=1, max_size=200))
RATES = st.floats(0.001, 0.999)


@given(CASES, RATES)
def test_no_more_false_alarms_than_were_chosen(cases: Cases, rate: float) -> None:
    threshold = threshold_at(rate, cases)
    assert 0 <= threshold <= 1
    assert (outcome(cases, threshold).false_alarms.value or 0) <= rate


@given(CASES, RATES, RATES)
def test_whoever_bears_more_false_alarms_gets_no_lower_threshold_and_misses_no_more(
    cases: Cases, one: float, other: float
) -> None:
    few, many = sorted((one, other))
    low, high = threshold_at(few, cases), threshold_at(many, cases)
    assert low <= high
    assert outcome(cases, low).recall.part <= outcome(cases, high).recall.part


@given(st.lists(SCORES, min_size=1, max_size=200, unique=True), RATES)
def test_no_higher_threshold_would_keep_to_the_chosen_share(approved: list[float], rate: float) -> None:
    cases = some([], approved)
    threshold = threshold_at(rate, cases)
    kept = [value for value in cases.approved if value >= threshold]
    beyond = outcome(cases, min(kept) + 1e-9).false_alarms
    assert beyond.value > rate or Share(beyond.part, beyond.whole).value == pytest.approx(rate)


@given(CASES, SCORES, RATES)
def test_a_fit_repeated_on_the_same_cases_changes_nothing(cases: Cases, standing: float, rate: float) -> None:
    once = fit(HEAD_ROOM, cases, standing, rate)
    again = fit(HEAD_ROOM, cases, once.fitted.threshold, rate)
    assert again.fitted == once.fitted


def test_the_threshold_lies_halfway_between_what_it_flags_and_what_it_lets_pass() -> None:
    assert threshold_at(0.01, some([0.1, 0.2], [0.6, 0.8])) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("rejected", "approved", "said"),
    [
        (MIN_REJECTED - 1, 500, "19 of 20 rejected for its reason"),
        (500, 99, "99 of 100 approved"),
        (0, 0, "0 of 20 rejected for its reason, 0 of 100 approved"),
    ],
)
def test_too_few_cases_change_nothing_however_plain_they_are(rejected: int, approved: int, said: str) -> None:
    fitted = fit(HEAD_ROOM, some([0.6] * rejected, [0.9] * approved), 0.5, 0.01)
    assert not fitted.moved
    assert fitted.why == f"too few cases: {said}"


def test_where_checks_reject_by_themselves_a_threshold_is_not_raised() -> None:
    cases = some(REJECTED, APPROVED)
    raised = fit(HEAD_ROOM, cases, 0.2, 0.01)
    assert raised.fitted.threshold > 0.2
    kept = fit(HEAD_ROOM, cases, 0.2, 0.01, acts=True)
    assert (kept.moved, kept.fitted.threshold) == (False, 0.2)
    assert "hides false alarms" in kept.why
    lowered = fit(HEAD_ROOM, cases, 0.9, 0.01, acts=True)
    assert lowered.fitted.threshold < 0.9


def test_a_smaller_share_of_false_alarms_takes_more_approved_cases() -> None:
    assert [enough_approved(rate) for rate in (0.5, 0.02, 0.01, 0.001)] == [50, 50, 100, 1000]


def test_a_threshold_with_which_the_decisions_agree_stays() -> None:
    fitted = fit(HEAD_ROOM, some([0.2] * 50, [0.4] + [0.9] * 149), 0.5, 0.01)
    assert not fitted.moved
    assert fitted.why == "the decisions agree with it"


def test_a_threshold_that_misses_what_another_finds_at_the_same_price_moves() -> None:
    fitted = fit(HEAD_ROOM, some([0.6] * 50, [0.9] * 150), 0.5, 0.01)
    assert (fitted.standing.recall, fitted.fitted.recall) == (Share(0, 50), Share(50, 50))
    assert fitted.fitted.threshold == pytest.approx(0.75)


# ----------------------------------------------------------------------------------------------- the command


@pytest.fixture(scope="module")
def decided_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalog with decisions that speak against the shipped threshold of one check; made once, and copied."""
    path = tmp_path_factory.mktemp("decided") / "catalog.db"
    opened = Catalog(f"sqlite:///{path}")
    reviewed(opened, rejected=REJECTED, approved=APPROVED, others=[0.2] * 5)
    opened.close()
    return path


@pytest.fixture
def decided(decided_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Catalog]:
    """The command finds this catalog."""
    path = shutil.copy(decided_file, tmp_path / "decided.db")
    opened = Catalog(f"sqlite:///{path}")
    monkeypatch.setenv("FACELOOP_DATABASE", opened.url)
    yield opened
    opened.close()


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    """What the command says with --json."""
    assert main(["calibrate", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def row(answer: dict[str, object]) -> dict[str, object]:
    (found,) = [check for check in answer["checks"] if check["check"] == HEAD_ROOM.name]
    return found


def test_it_refits_what_the_decisions_speak_against_and_nothing_else(decided: Catalog, capsys) -> None:
    answer = told(capsys, "--by", "olga")
    fitted = row(answer)
    assert (fitted["decided"], fitted["rejected"], fitted["approved"], fitted["others"]) == (185, 30, 150, 5)
    assert fitted["auc"] == 1.0
    assert fitted["standing"]["false_alarms"]["part"] == sum(value < HEAD_ROOM.threshold for value in APPROVED)
    assert fitted["fitted"]["threshold"] == pytest.approx(0.402)
    assert fitted["fitted"]["false_alarms"]["part"] == 1
    assert [check["check"] for check in answer["checks"] if check["moved"]] == [HEAD_ROOM.name]
    (made,) = decided.calibrations.list()
    assert (made.by, made.false_alarms, answer["written"], answer["in_use"]) == ("olga", 0.01, True, made.id)
    (kept,) = made.checks
    assert (kept.precision, kept.recall, kept.n) == (30 / 31, 1.0, 180)
    assert Thresholds.current(decided).below(HEAD_ROOM) == kept.threshold


def test_old_scores_stay_as_they_were(decided: Catalog, capsys) -> None:
    subjects = [item.subject for item in decided.batches.queue(1, HEAD_ROOM.stage, undecided=False, limit=500)]
    before = decided.scores.of_many(subjects)
    told(capsys)
    assert decided.scores.of_many(subjects) == before


def test_the_same_decisions_make_no_new_version(decided: Catalog, capsys) -> None:
    told(capsys)
    again = told(capsys)
    assert not again["written"]
    assert not any(check["moved"] for check in again["checks"])
    assert len(decided.calibrations.list()) == 1


def test_a_dry_run_shows_the_same_and_writes_nothing(decided: Catalog, capsys) -> None:
    shown = told(capsys, "--dry-run")
    assert decided.calibrations.list() == []
    assert (shown["written"], shown["in_use"]) == (False, "shipped")
    assert row(told(capsys))["fitted"] == row(shown)["fitted"]


def test_whoever_bears_more_false_alarms_may_say_so(decided: Catalog, capsys) -> None:
    assert row(told(capsys, "--false-alarms", "0.1"))["fitted"]["false_alarms"]["part"] == 15
    assert decided.calibrations.list()[0].false_alarms == 0.1


def test_one_goes_back_to_an_earlier_calibration_or_to_the_code(decided: Catalog, capsys) -> None:
    told(capsys)
    told(capsys, "--false-alarms", "0.1")
    assert told(capsys, "--use", "1")["in_use"] == 1
    assert Thresholds.current(decided).number == 1
    assert told(capsys, "--use", "shipped")["in_use"] == "shipped"
    assert Thresholds.current(decided) == SHIPPED
    listed = told(capsys, "--list")
    assert [one["id"] for one in listed["calibrations"]] == [1, 2]
    assert listed["in_use"] == "shipped"


def test_after_going_back_the_same_decisions_put_their_calibration_to_use_again(decided: Catalog, capsys) -> None:
    told(capsys)
    told(capsys, "--use", "shipped")
    again = told(capsys)
    assert (again["written"], again["in_use"]) == (False, 1)
    assert len(decided.calibrations.list()) == 1


def test_what_did_not_move_is_kept_from_one_version_to_the_next(decided: Catalog) -> None:
    first = calibrate(decided, false_alarms=0.01, by="olga")
    blur = CHECKS["blur"]
    reviewed(decided, check=blur, rejected=[0.6] * MIN_REJECTED, approved=[0.9] * 100)
    second = calibrate(decided, false_alarms=0.01, by="olga")
    assert second.written
    assert {one.check for one in second.current.checks} == {"blur", HEAD_ROOM.name}
    assert first.current.checks[0] in second.current.checks


def test_what_a_check_decided_itself_counts_neither_for_it_nor_against_it(decided: Catalog) -> None:
    before = calibrate(decided, false_alarms=0.01, by="olga", dry_run=True)
    (subject,) = scored(decided, [0.3])
    decided.decisions.reject_by_check(
        subject, check=HEAD_ROOM.name, stage=HEAD_ROOM.stage, reason=HEAD_ROOM.reason, note="0.30, below 0.5"
    )
    assert calibrate(decided, false_alarms=0.01, by="olga", dry_run=True) == before
    decided.decisions.decide(subject, stage=HEAD_ROOM.stage, verdict=Verdict.APPROVE, by="rita")
    assert calibrate(decided, false_alarms=0.01, by="olga", dry_run=True) != before


def test_it_speaks_to_people_in_a_table(decided: Catalog, capsys) -> None:
    assert main(["calibrate"]) == 0
    said = capsys.readouterr().out
    assert "it takes 20 cases rejected for a check's reason and 100 approved ones" in said
    (line,) = [line for line in said.splitlines() if line.startswith(HEAD_ROOM.name)]
    assert line.split()[:6] == ["head_room", "30", "150", "5", "1.000", "0.5"]
    assert "written and in use: calibration 1" in said
    main(["calibrate", "--list"])
    assert "* 1: " in capsys.readouterr().out


@pytest.mark.parametrize("rate", ["0", "1", "-0.1", "nan"])
def test_a_share_of_false_alarms_that_is_none_is_an_error_in_one_line(decided: Catalog, rate: str, capsys) -> None:
    assert main(["calibrate", f"--false-alarms={rate}"]) == 1
    assert "error: the share of false alarms is between 0 and 1" in capsys.readouterr().err
    assert decided.calibrations.list() == []


def test_a_calibration_that_does_not_exist_is_an_error_in_one_line(decided: Catalog, capsys) -> None:
    assert main(["calibrate", "--use", "7"]) == 1
    assert capsys.readouterr().err == "error: no calibration 7\n"


@pytest.mark.parametrize("wrong", [["--use", "0"], ["--use", "the old"], ["--list", "--dry-run"]])
def test_what_makes_no_sense_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", *wrong])
    assert stop.value.code == 2
