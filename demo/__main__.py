"""``python -m demo``: the platform on this machine until Ctrl-C. ``--once``: once through the loop, unattended."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from pathlib import Path

import requests

from demo.airflow_api import Airflow
from demo.processes import AlreadyRunning
from demo.stack import PEOPLE, Stack


def main() -> int:
    """Run the demo; 1 with one line that says why when it cannot go on."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="go through the loop unattended, end with JSON")
    parser.add_argument("--home", type=Path, default=Path("var/demo"), help="where the demo keeps everything")
    given = parser.parse_args()
    # A background shell starts its children deaf to SIGINT; a demo must hear both ways of being told to stop.
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    try:
        stack = Stack(given.home)
        with stack.processes:
            _say("starting the stand-ins and Airflow ...")
            airflow = stack.start()
            _say(f"up after {time.monotonic() - began:.0f} s: {stack.url}")
            return _once(stack, airflow) if given.once else _stay(stack, airflow)
    except KeyboardInterrupt:
        _say("stopped; nothing of the demo runs any more")
        return 130 if given.once else 0  # staying up ends like this; going through the loop does not
    except (AlreadyRunning, RuntimeError, requests.RequestException) as error:
        _say(f"error: {error}")
        _say(f"the logs are in {given.home / 'logs'}; started again, the demo goes on from what is there")
        return 1


def _once(stack: Stack, airflow: Airflow) -> int:
    from demo.loop import as_json, once

    summary = once(stack, airflow, say=_say)
    stack.processes.stop()
    print(json.dumps(as_json(summary)))
    return 0 if summary.ok else 1


def _stay(stack: Stack, airflow: Airflow) -> int:
    stack.collect(airflow)
    _say("")
    _say(f"  Airflow      {stack.url}")
    for name, role in PEOPLE.items():
        _say(f"  {name:6} {role:6} {stack.passwords[name]}")
    _say("")
    _say("  The collectors are at work. Sign in as rita, open Review in the navigation, and judge the first batch:")
    _say("  A approves, 1-8 reject with a reason, U undoes, ? shows every key.")
    _say("  When a batch is through its three stages, retrain_model runs by itself. Ctrl-C stops everything.")
    while True:
        stack.processes.check()
        time.sleep(2)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
