"""The writers of one SQLite file stand in a line: one at a time, and a killed one keeps nobody waiting."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sqlalchemy import text

from catalog.catalog import Catalog
from catalog.turns import Turns

ROOT = Path(__file__).parents[2]

HOLD_THE_TURN = """
import sys, time
from pathlib import Path
from catalog.turns import Turns
with Turns(Path(sys.argv[1])).mine():
    print("mine", flush=True)
    time.sleep(600)
"""


def test_one_writer_at_a_time_has_its_turn(tmp_path: Path) -> None:
    turns, inside, most = Turns(tmp_path / "catalog.db"), list[int](), list[int]()

    def write(number: int) -> None:
        for _ in range(50):
            with turns.mine():
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 200


def test_a_killed_writer_keeps_nobody_waiting(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD_THE_TURN, str(tmp_path / "catalog.db")],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "mine\n"
    waiting, done = Turns(tmp_path / "catalog.db"), threading.Event()

    def wait() -> None:
        with waiting.mine():
            done.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert not done.wait(0.2)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    thread.join(30)
    assert done.is_set()


def test_who_is_killed_in_the_first_place_of_the_line_keeps_nobody_waiting(tmp_path: Path) -> None:
    turns = [Turns(tmp_path / "catalog.db") for _ in range(2)]
    with turns[0].mine():
        first = subprocess.Popen(
            [sys.executable, "-c", HOLD_THE_TURN, str(tmp_path / "catalog.db")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        line = os.open(tmp_path / "catalog.db-line", os.O_RDONLY | os.O_CREAT)
        while not _held(line):
            time.sleep(0.01)
        first.send_signal(signal.SIGKILL)
        first.communicate()
    with turns[1].mine():
        assert not _held(line)
    os.close(line)


def _held(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(file, fcntl.LOCK_UN)
    return False


def test_of_many_that_write_without_a_pause_each_has_its_turn_again_and_again(tmp_path: Path) -> None:
    counts, end = [0] * 6, threading.Event()

    def write(number: int) -> None:
        turns = Turns(tmp_path / "catalog.db")  # of its own, as another process has
        while not end.is_set():
            with turns.mine():
                counts[number] += 1
                time.sleep(0.0001)
        turns.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 60
    while min(counts) < 100 and time.monotonic() < until:
        time.sleep(0.05)
    end.set()
    for thread in threads:
        thread.join()
    assert min(counts) >= 100
    assert min(counts) > sum(counts) / len(counts) / 10, "one is kept waiting for the others"


def test_a_turn_that_fails_ends(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "catalog.db")
    for _ in range(2):
        try:
            with turns.mine():
                raise ValueError
        except ValueError:
            continue
    turns.close()
    with turns.mine():
        assert (tmp_path / "catalog.db-turn").exists()


def test_claims_wait_for_no_disk_and_what_people_do_is_on_it(tmp_path: Path) -> None:
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}")
    for _ in range(2):
        with catalog.claiming() as driver:
            assert driver.cursor.execute("PRAGMA synchronous").fetchone() == (1,)
        with catalog.writing(durable=False) as connection:
            assert connection.scalar(text("PRAGMA synchronous")) == 1
        with catalog.writing() as connection:
            assert connection.scalar(text("PRAGMA synchronous")) == 2
    catalog.close()
