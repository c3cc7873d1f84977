"""What is watched while a training runs: means, alerts, and a memory that a checkpoint can hold."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.errors import BadRule
from training.monitoring.stopping import parse
from training.monitoring.watching import AGAIN_AFTER, Alert, Watch

RULES = parse("copy_rate > 0.5 for 2; no gain in makeup_distance for 3; D/real_sign > 0.8 for 3")
numbers = st.sampled_from([0.0, 0.25, 0.75, 1.0])
steps_of_losses = st.lists(st.fixed_dictionaries({"D/latent_real_sign": numbers}), min_size=1, max_size=60)


def watched(watch: Watch, losses: list[dict[str, float]], *, first: int = 0, every: int = 3) -> list[object]:
    """Everything that a watch says of steps, seen at each `every`-th with a probe at each second of those."""
    said: list[object] = []
    for step, values in enumerate(losses, start=first + 1):
        watch.step(values)
        if step % every:
            continue
        told = watch.means()
        if step % (2 * every) == 0:
            told |= {"probe/copy_rate": values["D/latent_real_sign"], "probe/makeup_distance": 0.5}
        said.append((step, told, watch.see(step, told), watch.stop))
    return said


@given(steps_of_losses, st.integers(0, 60))
def test_a_watch_that_was_saved_and_restored_says_what_one_that_never_stopped_says(
    losses: list[dict[str, float]], cut: int
) -> None:
    whole = Watch(RULES)
    said = watched(whole, losses)
    before = Watch(RULES)
    first = watched(before, losses[:cut])
    after = Watch(RULES)
    saved = before.state() | {"adapted probability": [0.5]}
    assert after.restore(json.loads(json.dumps(saved, allow_nan=False))) == {"adapted probability": [0.5]}
    assert first + watched(after, losses[cut:], first=min(cut, len(losses))) == said
    assert (after.stop, after.state()) == (whole.stop, whole.state())


def test_a_mean_is_that_of_the_steps_that_told_it() -> None:
    watch = Watch()
    for step in range(4):
        watch.step({"D/latent_real": float(step), **({"D/latent_r1": 8.0} if step == 0 else {})})
    assert watch.means() == {"D/latent_real": 1.5, "D/latent_r1": 8.0}
    watch.see(4, watch.means())
    assert watch.means() == {}


def test_a_stop_stands_until_its_rule_is_dropped() -> None:
    watch = Watch(parse("copy_rate > 0.5"))
    watch.see(10, {"probe/copy_rate": 0.75})
    stop = watch.stop
    assert stop is not None
    assert stop.reason == "stopped early because copy_rate > 0.5: 0.75 at step 10"
    same, another = Watch(parse("copy_rate > 0.5; no_face > 0.5")), Watch(parse("no_face > 0.5"))
    for later in (same, another):
        later.restore(watch.state())
    assert same.stop == stop
    assert another.stop is None


def test_a_rising_copy_rate_a_copying_model_and_a_discriminator_that_knows_its_faces_raise_alerts() -> None:
    def kinds(name: str, told: list[float]) -> list[list[str]]:
        watch = Watch()
        return [[alert.kind for alert in watch.see(i, {name: value})] for i, value in enumerate(told)]

    assert kinds("probe/copy_rate", [0.0, 0.01, 0.02, 0.02]) == [[], [], ["copy_rate_rising"], []]
    assert kinds("probe/copy_rate", [0.1, 0.1, 0.0]) == [[], ["copies"], []]
    assert kinds("probe/overfit", [0.6, 0.4, 0.6, 0.7]) == [[], [], [], ["overfit"]]


def test_an_alert_says_the_rule_the_numbers_and_what_to_do() -> None:
    watch = Watch()
    watch.see(100, {"probe/copy_rate": 0.25})
    (alert,) = watch.see(200, {"probe/copy_rate": 0.125})
    assert isinstance(alert, Alert)
    assert alert.title == "The model copies the reference's face"
    assert alert.text.startswith("copy_rate > 0.05 for 2: 0.25, 0.125 at step 200. ")
    assert not alert.fatal


def test_the_same_alert_is_raised_once_in_a_while_and_not_at_reports_of_something_else() -> None:
    watch = Watch()
    raised = []
    for report in range(3 * AGAIN_AFTER + 1):
        raised += [report for _ in watch.see(2 * report, {"probe/copy_rate": 0.25})]
        assert watch.see(2 * report + 1, {"images_per_second": 3.0}) == ()
    assert raised == [1, 1 + AGAIN_AFTER, 1 + 2 * AGAIN_AFTER]


def test_a_rule_about_a_loss_that_there_is_not_is_refused_at_the_first_report() -> None:
    watch = Watch(parse("G/idt > 0.5 for 3"))
    with pytest.raises(BadRule, match=r"'G/idt' in 'G/idt > 0.5 for 3' is no loss of this training, which has D/lat"):
        watch.see(1, {"D/latent_real": 0.5, "G/lambda_ds": 1.0})
