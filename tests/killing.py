"""kill -9 a command of the collectors at a chosen moment, and run it again: for every source's tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from catalog import Catalog, Settings

_REPOSITORY = Path(__file__).resolve().parents[1]


def environment_for(catalog: Catalog, folder: Path, config: Settings | None = None) -> dict[str, str]:
    """The environment of a command that works on this catalog, in this folder, in the internet of these settings."""
    made = os.environ | {
        "FACELOOP_DATABASE": catalog.url,
        "FACELOOP_STORE": (folder / "blobs").as_uri(),
        "FACELOOP_HOME": str(folder / "home"),
        "FACELOOP_LEASE_SECONDS": "600",  # nobody waits for it: the dead worker is known to be dead
    }
    if config:
        made |= {
            "FACELOOP_PROXY": config.proxy,
            "FACELOOP_PROXY_CA": config.proxy_ca,
            "FACELOOP_INSTAGRAM_USER": config.instagram_user,
            "FACELOOP_INSTAGRAM_PASSWORD": config.instagram_password.get_secret_value(),
            "FACELOOP_TWITTER_BEARER_TOKEN": config.twitter_bearer_token.get_secret_value(),
        }
    return made


def start(environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
    """Start ``python -m collectors`` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", "collectors", *arguments],
        cwd=_REPOSITORY,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def run(environment: Mapping[str, str], *arguments: str, seconds: float = 120) -> None:
    """Run it to its end, which must be a good one."""
    done = start(environment, *arguments)
    _, said = done.communicate(timeout=seconds)
    assert done.returncode == 0, said.decode()


def kill_when(process: subprocess.Popen[bytes], reached: Callable[[], bool], *, seconds: float = 90) -> bool:
    """Kill -9 as soon as the moment is reached; whether the process was still running then."""
    end = time.monotonic() + seconds
    while process.poll() is None and time.monotonic() < end and not reached():
        time.sleep(0.002)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return running


def pages(catalog: Catalog, query_id: int) -> int:
    """How many pages of a query are recorded, those of killed tries included."""
    return sum(one.pages for one in catalog.queries.tries(query_id))


def kill_while_paging(
    environment: Mapping[str, str], catalog: Catalog, query_id: int, *arguments: str, after: tuple[int, ...] = (1, 2)
) -> int:
    """Kill the command once so many pages of the query are recorded, for each number in turn, and let the last one
    end; how many kills hit it while it ran."""
    hit = 0
    for number in after:
        process = start(environment, *arguments)
        hit += kill_when(process, lambda number=number: pages(catalog, query_id) >= number)  # type: ignore[misc]
    run(environment, *arguments)
    return hit
