"""Whatever happens to a training, the next call goes on, and what it ends with is what an undisturbed one ends with."""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from catalog import Catalog, Settings, open_blobs
from catalog.records import RunState
from training import steps
from training.errors import NotSaved
from training.holding import lease_name
from training.learning import checkpoint
from training.learning.loop import Trained
from training.learning.trainer_state import read_page
from training.presets import Preset

pytestmark = pytest.mark.timeout(900)  # seconds on a machine of one's own, minutes where many tests run at once

ROOT = Path(__file__).parents[2]
Run = Callable[..., Trained]

COMMAND = """
import json, sys
from training.presets import PRESETS, Preset
given = Preset(**json.loads(sys.argv[1]))
PRESETS[given.name] = given
from training.__main__ import main
sys.exit(main(sys.argv[2:]))
"""


def contents(trained: Trained) -> list[bytes]:
    """The bytes of everything saved: live weights, averaged weights, moments."""
    return [trained.saved.paths[kind].read_bytes() for kind in checkpoint.KINDS]


def pages(folder: Path) -> list[Path]:
    found = [Path(place, name) for place, _, names in os.walk(folder) for name in names]
    return sorted((path for path in found if path.name.endswith("_trainer.json")), key=lambda page: page.name)


# --- processes of their own, on a catalog -----------------------------------------------------------------------------


class Home:
    """A home of its own with 16 approved faces; trains the micro preset there, by the command."""

    def __init__(self, folder: Path, preset: Preset, **settings: object) -> None:
        self.folder, self.preset = folder, preset
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FACELOOP_")},
            **{f"FACELOOP_{name.upper()}": str(value) for name, value in settings.items()},
            "FACELOOP_HOME": str(folder),
            "OMP_NUM_THREADS": "1",
            "WANDB_MODE": "disabled",
        }
        self.settings = Settings(home=folder)
        self.catalog = Catalog(self.settings.database_url)
        self.here: dict[str, Any] = {
            "catalog": self.catalog,
            "blobs": open_blobs(self.settings.store_url),
            "settings": self.settings,
        }
        self.snapshot = steps.snapshot(**self.here)

    @property
    def checkpoints(self) -> Path:
        return self.folder / "runs" / f"{self.preset.name}-{self.snapshot[:12]}-s777" / "checkpoints"

    @property
    def saved_step(self) -> int:
        return max((int(page.name.split("_")[0]) for page in pages(self.checkpoints)), default=0)

    @property
    def token(self) -> int:
        """Of the newest lease of its run; 0: nobody has trained it yet."""
        lease = self.catalog.training_leases.held(lease_name(self.checkpoints.parent.name))
        return lease.token if lease else 0

    def start(self) -> subprocess.Popen[str]:
        given = json.dumps(asdict(self.preset))
        train = (
            "train",
            "--preset",
            self.preset.name,
            "--threads",
            "1",
            "--device",
            "cpu",
            "--stop-when",
            "",
            "--json",
        )
        return subprocess.Popen(
            [sys.executable, "-c", COMMAND, given, *train],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self) -> dict[str, Any]:
        """Train to the end; what the command told."""
        process = self.start()
        out, error = process.communicate(timeout=900)
        assert process.returncode == 0, error
        told: dict[str, Any] = json.loads(out.splitlines()[-1])
        assert told["finished"]
        return told

    def wait_for(self, reached: Callable[[], bool], process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + 900
        while not reached():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < end
            time.sleep(0.002)


@pytest.fixture
def home(approved_home: Path, tmp_path: Path, micro: Preset) -> Iterator[Callable[..., Home]]:
    made: list[Home] = []

    def begin(name: str, *, settings: Mapping[str, object] | None = None, **numbers: Any) -> Home:
        folder = tmp_path / name
        shutil.copytree(approved_home, folder)
        made.append(Home(folder, replace(micro, **numbers), **(settings or {})))
        return made[-1]

    yield begin
    for one in made:
        one.catalog.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)  # a minute on a machine that does nothing else
def test_killed_five_times_at_random_in_200_steps_the_weights_are_those_of_a_run_that_never_was(
    home: Callable[..., Home],
) -> None:
    cheap = {"img_size": 16, "w_hpf": 0.0, "reordered": True, "lazy_r1": 4}
    numbers = {"total_iters": 200, "ds_iter": 200, "save_every": 20, **cheap}
    whole, killed = home("whole", **numbers), home("killed", **numbers)
    undisturbed = whole.finish()
    seed = random.randrange(10**6)
    draw = random.Random(seed)
    moments = sorted(draw.sample(range(161), 5))
    for number, moment in enumerate(moments, 1):
        process = killed.start()
        killed.wait_for(lambda number=number: killed.token == number, process)  # type: ignore[misc]
        killed.wait_for(lambda moment=moment: killed.saved_step >= moment, process)  # type: ignore[misc]
        time.sleep(draw.uniform(0, 0.5))  # anywhere between two saves, or amid one
        process.kill()
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"seed {seed}: over before it could be killed"
    last = killed.finish()
    assert last["step"] == 200
    assert last["trained"] < 200
    for one, other in zip(undisturbed["checkpoints"], last["checkpoints"], strict=True):
        assert Path(one).name == Path(other).name
        assert Path(one).read_bytes() == Path(other).read_bytes(), f"seed {seed}, killed after {moments}"
    run = killed.catalog.models.run(last["run"])
    assert (run.state, run.step) == (RunState.DONE, 200)
    assert read_page(pages(killed.checkpoints)[-1]).token == 6  # each call trained by a lease of its own


@pytest.mark.timeout(900)  # seconds on a machine that does nothing else
def test_a_frozen_trainer_that_wakes_up_after_another_took_over_stops_and_changes_nothing(
    home: Callable[..., Home],
) -> None:
    mine = home("mine", settings={"train_lease_seconds": 3}, total_iters=40, ds_iter=40, save_every=2, img_size=16)
    old = mine.start()
    try:
        mine.wait_for(lambda: mine.saved_step >= 4, old)
        old.send_signal(signal.SIGSTOP)
        name = lease_name(mine.checkpoints.parent.name)
        while mine.catalog.training_leases.held(name):
            time.sleep(0.05)
        new = mine.finish()
        newer = mine.checkpoints / "2"  # what is in 1 is its own: a set that it may not record it takes back
        files = {path: path.read_bytes() for path in newer.iterdir()}
        rows = mine.catalog.models.checkpoints(new["run"])
        old.send_signal(signal.SIGCONT)
        _, error = old.communicate(timeout=600)
    finally:
        old.kill()
        old.communicate()
    assert old.returncode == 1
    assert "was taken over: token 1 is older than 2" in error
    assert {path: path.read_bytes() for path in newer.iterdir()} == files
    assert mine.catalog.models.checkpoints(new["run"]) == rows
    assert mine.catalog.models.run(new["run"]).state is RunState.DONE


# --- in this process --------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """Stands for a kill at a moment that a test chooses; nobody catches it."""


class Fate:
    """Kills at the n-th time that the training reports, asks or saves anything."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def __call__(self, *_: object, **__: object) -> bool:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return False

    def begin(self, _: int) -> Fate:
        return self

    numbers = pictures = __call__


@examples(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(0, 25), min_size=1, max_size=3),
    hurt=st.sampled_from(["", "nets", "nets_ema", "optims", "trainer"]),
    how=st.sampled_from(["cut", "flip", "gone"]),
    at=st.floats(0, 0.999),
)
def test_wherever_it_is_killed_and_whatever_of_the_newest_set_is_lost_it_ends_the_same(
    run: Run,
    make_faces: Callable[..., Any],
    moments: list[int],
    hurt: str,
    how: str,
    at: float,
    tmp_path: Path,
    micro: Preset,
) -> None:
    here: dict[str, Any] = {
        "preset": replace(micro, total_iters=8, ds_iter=8, save_every=2, img_size=16),
        "faces": make_faces(size=16),
    }
    whole = run("whole", **here)
    shutil.rmtree(tmp_path / "hurt", ignore_errors=True)
    for moment in moments:
        fate = Fate(moment)
        try:
            run("hurt", **here, tracker=fate.begin, stop=fate, on_save=fate)
        except Killed:
            damage(tmp_path / "hurt" / "checkpoints", hurt, how, at)
    assert contents(run("hurt", **here)) == contents(whole)


def damage(folder: Path, kind: str, how: str, at: float) -> None:
    """Do harm to one file of the newest set."""
    if not kind or not pages(folder):
        return
    path = checkpoint.path_of(folder, int(pages(folder)[-1].name[:6]), kind)
    if not path.exists():
        return  # it went when the run was killed before
    data = bytearray(path.read_bytes())
    place = int(at * len(data))
    if how == "gone":
        path.unlink()
        return
    if how == "cut":
        del data[place:]
    else:
        data[place] ^= 0x10
    path.write_bytes(data)


def test_a_damaged_set_is_told_with_an_alert(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run(slice_steps=2)
    page = run(slice_steps=1).saved.paths["trainer"]
    page.write_bytes(page.read_bytes().replace(b'"seed": 1', b'"seed": 2'))
    with caplog.at_level(logging.ERROR):
        assert run(slice_steps=1).step == 3
    assert "ALERT: a damaged checkpoint is passed over for the one before: 000003_trainer.json does not hash" in (
        caplog.text
    )


def save_on_a_full_disk(run: Run, told: Any) -> None:
    # Python ignores the signal that goes with it, so that a write fails as one on a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))
    try:
        run(slice_steps=1)
    except NotSaved as error:
        told.put(str(error))


def test_a_disk_that_takes_no_more_ends_it_clearly_and_the_last_set_stays(run: Run, tmp_path: Path) -> None:
    for _ in range(3):
        last = run(slice_steps=1)
    before = contents(last)
    assert max(map(len, before)) > 40_000
    context = multiprocessing.get_context("fork")
    told = context.Queue()
    process = context.Process(target=save_on_a_full_disk, args=(run, told))
    process.start()
    message = told.get(timeout=60)
    process.join()
    assert message.startswith("step 4 could not be saved in ")
    assert message.endswith(": File too large")
    assert contents(last) == before
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert kept == sorted(path.name for path in last.saved.paths.values())  # older ones made room, in vain
    assert contents(run(slice_steps=1)) == contents(run("whole", slice_steps=4))


def test_asked_to_stop_while_the_samples_are_made_it_takes_no_further_step(run: Run, notebook: Any) -> None:
    def stop() -> bool:
        return bool(notebook.grids)

    stopped = run(tracker=notebook.begin, stop=stop)
    assert (stopped.step, stopped.stopped, stopped.finished) == (4, True, False)
    assert contents(run()) == contents(run("whole"))
