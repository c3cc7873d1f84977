"""Rules that end a training early: what they say, when they hold, and that a resume decides as no stop would have."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import BadRule
from training.monitoring.stopping import HIGHER_IS_BETTER, PROBED, TOLD, Rule, follow, holds, judge, parse, value_of

NAMES = ["copy_rate", "makeup_distance", "identity_kept", "D/real_sign"]
rules = st.builds(
    Rule,
    kind=st.sampled_from([">", "<", ">=", "<=", "rises", "falls", "no gain"]),
    name=st.sampled_from(NAMES),
    number=st.sampled_from([0.0, 0.25, 0.5]),
    count=st.integers(1, 4),
).map(lambda rule: Rule(rule.kind, rule.name, 0.0 if rule.kind in ("rises", "falls") else rule.number, rule.count))
reports = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.0, 0.2, 0.3, 0.6, 0.9]))
histories = st.lists(reports, max_size=25).map(lambda told: [(10 * (i + 1), values) for i, values in enumerate(told)])


def says_so(rule: Rule, told: list[float]) -> bool:
    """What a rule means, read off every number told so far."""
    if len(told) < rule.count:
        return False
    last = told[-rule.count :]
    match rule.kind:
        case ">":
            return all(value > rule.number for value in last)
        case "<":
            return all(value < rule.number for value in last)
        case ">=":
            return all(value >= rule.number for value in last)
        case "<=":
            return all(value <= rule.number for value in last)
        case "rises" | "falls":
            row = told[-rule.count - 1 :]
            pairs = list(pairwise(row))
            return len(pairs) == rule.count and all(b > a if rule.kind == "rises" else b < a for a, b in pairs)
    sign = 1 if rule.name in HIGHER_IS_BETTER else -1
    best, since = told[0], 0
    for value in told[1:]:
        gain = sign * (value - best)
        best, since = (value, 0) if gain > 0 and gain >= rule.number else (best, since + 1)
    return since >= rule.count


@given(rules, histories)
def test_a_rule_ends_a_run_at_the_first_report_at_which_it_is_true(
    rule: Rule, history: list[tuple[int, dict[str, float]]]
) -> None:
    told: list[float] = []
    due = None
    for step, values in history:
        told += [values[rule.name]] if rule.name in values else []
        if rule.name in values and says_so(rule, told):
            due = step
            break
    stop = judge([rule], history)
    assert (stop.step if stop else None) == due


@given(rules, histories)
def test_it_never_ends_a_run_before_its_count(rule: Rule, history: list[tuple[int, dict[str, float]]]) -> None:
    stop = judge([rule], history)
    told = [values for step, values in history if rule.name in values and (stop is None or step <= stop.step)]
    assert stop is None or len(told) >= len(stop.values) >= rule.count


@given(st.lists(rules, max_size=3, unique_by=str), histories)
def test_the_order_of_rules_says_which_is_named_and_never_when(
    chosen: list[Rule], history: list[tuple[int, dict[str, float]]]
) -> None:
    stops = [judge(order, history) for order in permutations(chosen)]
    assert len({stop.step if stop else None for stop in stops}) == 1
    for order, stop in zip(permutations(chosen), stops, strict=True):
        alone = [found.step if (found := judge([rule], history)) else None for rule in order]
        if stop is not None:
            assert stop.rule == str(order[alone.index(stop.step)])


@given(st.lists(rules, max_size=3), histories, histories)
def test_more_reports_never_take_a_stop_back(
    chosen: list[Rule],
    history: list[tuple[int, dict[str, float]]],
    later: list[tuple[int, dict[str, float]]],
) -> None:
    stop = judge(chosen, history)
    if stop is not None:
        assert judge(chosen, [*history, *later]) == stop


@given(histories, st.sampled_from([">", ">="]), st.integers(1, 4))
def test_a_stricter_limit_or_a_longer_row_never_stops_sooner(
    history: list[tuple[int, dict[str, float]]], kind: str, count: int
) -> None:
    loose = judge([Rule(kind, "copy_rate", 0.2, count)], history)
    for strict in (Rule(kind, "copy_rate", 0.5, count), Rule(kind, "copy_rate", 0.2, count + 1)):
        stop = judge([strict], history)
        assert stop is None or (loose is not None and loose.step <= stop.step)


@given(st.lists(rules, max_size=3), histories, st.integers(0, 25))
def test_rows_that_were_kept_decide_like_the_whole_history(
    chosen: list[Rule], history: list[tuple[int, dict[str, float]]], cut: int
) -> None:
    """A checkpoint keeps the rows; the run goes on from them."""
    rows: dict[str, tuple[float, ...]] = {}
    for _, values in history[:cut]:
        rows = follow(chosen, rows, values)
    kept = {text: list(row) for text, row in rows.items()}  # as JSON gives them back
    assert all(len(row) <= rule.needed for rule in chosen for row in [kept.get(str(rule), [])])
    rows = {text: tuple(row) for text, row in kept.items()}
    uninterrupted: dict[str, tuple[float, ...]] = {}
    for _, values in history:
        uninterrupted = follow(chosen, uninterrupted, values)
    for _, values in history[cut:]:
        rows = follow(chosen, rows, values)
    if history:
        assert rows == uninterrupted
        assert [holds(rule, rows[str(rule)]) for rule in chosen] == [
            holds(rule, uninterrupted[str(rule)]) for rule in chosen
        ]


@given(st.lists(rules, max_size=4))
def test_a_rule_is_read_back_from_what_it_is_written_as(chosen: list[Rule]) -> None:
    assert list(parse("; ".join(map(str, chosen)))) == chosen


def test_a_reason_names_the_rule_the_numbers_and_the_step() -> None:
    history = [(500 * i, {"probe/copy_rate": rate}) for i, rate in enumerate((0.0, 0.0625, 0.125, 0.25))]
    stop = judge(parse("copy_rate > 0.05 for 3"), history)
    assert stop is not None
    assert stop.reason == "stopped early because copy_rate > 0.05 for 3: 0.0625, 0.125, 0.25 at step 1,500"


def test_no_gain_counts_from_the_best_and_a_gain_smaller_than_asked_for_is_none() -> None:
    history = [(i, {"makeup_distance": value}) for i, value in enumerate((0.9, 0.5, 0.495, 0.52, 0.6))]
    coarse = judge(parse("no gain of 0.01 in makeup_distance for 3"), history)
    assert coarse is not None
    assert (coarse.step, coarse.values) == (4, (0.5, 0.495, 0.52, 0.6))
    assert judge(parse("no gain in makeup_distance for 3"), history) is None


def test_more_is_better_of_a_kept_identity() -> None:
    falling = [(i, {"identity_kept": 1.0 - i / 10}) for i in range(4)]
    assert judge(parse("no gain in identity_kept for 3"), falling) is not None
    assert judge(parse("no gain in identity_kept for 3"), [(i, {"identity_kept": i / 10}) for i in range(4)]) is None


def test_a_loss_without_its_pass_is_the_mean_of_both() -> None:
    values = {"D/latent_real_sign": 0.5, "D/reference_real_sign": 1.0, "G/latent_ds": 0.25}
    assert value_of("D/real_sign", values) == 0.75
    assert value_of("D/latent_real_sign", values) == 0.5
    assert value_of("G/ds", values) == 0.25
    assert value_of("G/cyc", values) is None


def test_spaces_and_empty_rules_do_not_matter() -> None:
    assert parse(" copy_rate>0.05   for 3 ;; ; images_per_second <  1e0 ") == (
        Rule(">", "copy_rate", 0.05, 3),
        Rule("<", "images_per_second", 1.0, 1),
    )
    assert parse("") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("copy_rat > 0.05 for 3", "did you mean copy_rate?"),
        ("loss > 1", "known are copy_rate"),
        ("copy_rate > much", "'much' in 'copy_rate > much' is not a number"),
        ("copy_rate > nan for 3", "'nan' in"),
        ("copy_rate > inf", "'inf' in"),
        ("copy_rate > 0.05 for 0", "'0' in 'copy_rate > 0.05 for 0' is no count"),
        ("copy_rate > 0.05 for ever", "'ever' in"),
        ("copy_rate rises for -2", "'-2' in"),
        ("copy_rate rises for 2²", "'2²' in"),
        ("no gain of -1 in copy_rate for 2", "-1 in"),
        ("copy_rate = 0.05", "is no rule; one is"),
        ("copy_rate > 0.05 for 3 or so", "is no rule"),
        ("copy_rate >", "is no rule"),
        ("stop", "'stop' is no rule"),
        ("copy_rate > 0.05; stop now", "'stop now' is no rule"),
    ],
)
def test_what_is_wrong_with_a_rule_is_said(text: str, said: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse(text)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_rules_or_an_error_for_a_person(text: str) -> None:
    try:
        read = parse(text)
    except BadRule:
        return
    assert parse("; ".join(map(str, read))) == read


def test_every_name_that_is_documented_is_known() -> None:
    for name in (*PROBED, *TOLD, "D/real_sign", "G/latent_cyc", "probe/bare_to_makeup/copy_rate"):
        assert parse(f"{name} > 1")[0].name == name
