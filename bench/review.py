"""The review desk in a real Chromium, in Airflow's own web server, over 100,000 faces: one JSON line at the end.

``make bench-review``; ``SUBJECTS=3000`` makes it small. The catalog is filled in a temporary folder
(bench/reviewing/filling.py); ``KEPT=FOLDER`` keeps it there and takes it from there the next time. The desk is the real
plugin in Airflow's api-server; whoever judges is signed in, and keys are real input over the DevTools protocol
(bench/reviewing/browser.py).

- ``p50_ms``, ``p95_ms``, ``p99_ms``: from a key's press to the next picture on the screen, of so many keys at 20 a
  second (bench/reviewing/watcher.js says how it is told); ``p95_delayed_ms``: with 100 ms added to every answer of the
  network;
- ``images_per_min``: pictures judged from the first key to the last picture; ``skipped``: faces between the first and
  the last one judged on which no decision stands, and faces judged that were never painted; ``unanswered``: keys after
  which no other picture came;
- ``first_image_ms``: from the start of a navigation to the first picture, with nothing of it in the browser's cache nor
  in the system's, median of 5;
- ``lost``, ``doubled``, ``judged_again``, ``replay_is_state``: eight reviewers at once, tabs and server killed
  (bench/reviewing/crowd.py, bench/reviewing/reckoning.py);
- ``server_mb_above_idle``: the most that the server's processes weighed in all of this (PSS), less what they weigh
  when they have shown one page of an empty catalog.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.reviewing import pace, reckoning  # noqa: E402
from bench.reviewing.airflow import Airflow, Scales  # noqa: E402
from bench.reviewing.browser import Browser  # noqa: E402
from bench.reviewing.crowd import Reviewer, review_together  # noqa: E402
from bench.reviewing.filling import fill  # noqa: E402
from catalog import Catalog  # noqa: E402

BEGAN = time.monotonic()
CROWD = tuple(f"reviewer{number}" for number in range(1, 9))


def say(text: str) -> None:
    """Where we are, for whoever waits."""
    print(f"{time.monotonic() - BEGAN:6.1f} s  {text}", file=sys.stderr, flush=True)


def filled(home: Path, *, subjects: int, kept: Path | None) -> int:
    """A filled catalog in ``home``; the one in ``kept`` where there is one, else one that is kept there."""
    if kept is None:
        return fill(home, subjects=subjects)
    if not (kept / "catalog.db").exists():
        kept.mkdir(parents=True, exist_ok=True)
        fill(kept, subjects=subjects)
    shutil.copytree(kept, home, dirs_exist_ok=True)
    return 1


def measure(
    home: Path, *, subjects: int, keys: int, seconds: float = 150, kills: int = 2, kept: Path | None = None
) -> dict[str, object]:
    """Do all of it in this folder; what the JSON line says."""
    with ExitStack() as stack:
        airflow = stack.enter_context(Airflow(home, ("rita", *CROWD)))
        say("idle server, empty catalog")
        Catalog(f"sqlite:///{home / 'catalog.db'}").close()
        airflow.start()
        airflow.get("/", airflow.token("rita"))
        idle = airflow.megabytes()
        airflow.stop()
        for path in home.glob("catalog.db*"):
            path.unlink()
        say(f"filling {subjects}")
        batch = filled(home, subjects=subjects, kept=kept)
        catalog = Catalog(f"sqlite:///{home / 'catalog.db'}")
        stack.callback(catalog.close)
        airflow.start()
        scales = stack.enter_context(Scales(airflow))
        token = airflow.token("rita")
        airflow.get(f"/batch/{batch}/crop", token)
        browser = stack.enter_context(Browser(home))
        say("first image")
        first = pace.first_image(browser, airflow, catalog, batch, token, times=5)
        told: dict[str, object] = {"first_image_ms": round(first)}
        told |= _at_pace(browser, airflow, catalog, batch, token, keys=keys)
        say(json.dumps(told))
        told |= _together(browser, airflow, catalog, batch, seconds=seconds, kills=kills)
        return told | {
            "server_mb_above_idle": round(scales.most - idle, 1),
            "idle_mb": round(idle),
            "subjects": subjects,
            "keys": keys,
            "chromium": browser.version,
            "load": round(os.getloadavg()[0], 1),
            "cores": os.cpu_count(),
        }


def _at_pace(
    browser: Browser, airflow: Airflow, catalog: Catalog, batch: int, token: str, *, keys: int
) -> dict[str, object]:
    """One reviewer with a key every 50 ms, near the server and far from it."""
    profile = browser.profile()
    browser.sign_in(profile, airflow.url, token)
    tab = browser.tab(profile, script=pace.WATCHER)
    say("keys")
    near = pace.judge_at_pace(tab, airflow, catalog, batch, keys=keys)
    say("keys, delayed")
    far = pace.judge_at_pace(tab, airflow, catalog, batch, keys=keys, delay=100)
    tab.close()
    return {
        "p50_ms": round(pace.percentile(near.waits, 0.5), 1),
        "p95_ms": round(pace.percentile(near.waits, 0.95), 1),
        "p99_ms": round(pace.percentile(near.waits, 0.99), 1),
        "p95_framed_ms": round(pace.percentile(near.framed, 0.95), 1),
        "p95_delayed_ms": round(pace.percentile(far.waits, 0.95), 1),
        "images_per_min": round(near.per_minute),
        "images_per_min_delayed": round(far.per_minute),
        "skipped": near.skipped + far.skipped,
        "unanswered": near.unanswered + far.unanswered,
    }


def _together(
    browser: Browser, airflow: Airflow, catalog: Catalog, batch: int, *, seconds: float, kills: int
) -> dict[str, object]:
    """Eight reviewers, tabs and server killed; what the pages told, held against the log."""
    say("a crowd")
    before = pace.last_decision(catalog)
    crowd = review_together(CROWD, browser, airflow, batch, seconds=seconds, kills=kills)
    for reviewer in crowd:
        for failure, times in Counter(reviewer.failures).most_common(2):
            say(f"{reviewer.name}, {times} times: {failure}")
    say("each looks again")
    with ThreadPoolExecutor(len(crowd)) as pool:
        flushed = list(pool.map(Reviewer.look_again, crowd))
    say("reckoning")
    log = reckoning.rows(catalog, after=before)
    reckoned = reckoning.reckon([act for reviewer in crowd for act in reviewer.told], log)
    return {
        "lost": reckoned.lost,
        "doubled": reckoned.doubled,
        "judged_again": reckoned.again,
        "refused": reckoned.refused,
        "replay_is_state": reckoning.verified(airflow.environment),
        "crowd_decisions": reckoned.told,
        "crowd_tabs_closed": sum(reviewer.closed for reviewer in crowd),
        "crowd_tabs_crashed": sum(reviewer.crashed for reviewer in crowd),
        "crowd_flushed": all(flushed),
    }


def main() -> int:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--subjects", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=600)
    parser.add_argument("--kept", type=Path, help="a folder with a filled catalog, filled when it is empty")
    parser.add_argument("--seconds", type=float, default=150, help="how long eight reviewers review together")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="faceloop-review-") as home:
        told = measure(
            Path(home), subjects=options.subjects, keys=options.keys, seconds=options.seconds, kept=options.kept
        )
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
