"""Run the internet in a box as a process of its own: `python -m demo.internet --port 0 --state DIR`.

When it answers, DIR/ready.json holds the port, the certificate's path, a HOME in which Chromium trusts it (empty
without certutil) and the environment for clients.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from pathlib import Path

from demo.internet.errors import TrustNotInstalled
from demo.internet.internet import Internet
from demo.internet.world import World


def _chromium_home(internet: Internet, state: Path) -> str:
    """Make a HOME whose NSS database trusts us; without certutil say so and go on: there is also the SPKI switch."""
    try:
        return str(internet.nss_home(state / "chromium").resolve())
    except TrustNotInstalled as error:
        print(f"Chromium will need --ignore-certificate-errors-spki-list: {error}", file=sys.stderr)
        return ""


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m demo.internet", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (0: any free one)")
    parser.add_argument("--state", type=Path, required=True, help="folder for the certificate, ledger and ready.json")
    parser.add_argument("--people", type=int, default=40, help="how many people exist")
    parser.add_argument("--photos-per-source", type=int, default=24, help="different photos on each site")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flawed", type=float, default=0.2, help="share of photos with a defect")
    options = parser.parse_args(arguments)
    if options.people < 1 or options.photos_per_source < 1 or not 0 <= options.flawed <= 1:
        parser.error("people and photos must be at least 1, flawed a share")
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    world = World(
        people=options.people,
        photos_per_source=options.photos_per_source,
        seed=options.seed,
        flawed=options.flawed,
    )
    try:
        internet = Internet(world, port=options.port, state=options.state)
    except OSError as error:
        print(f"cannot listen on port {options.port}: {error.strerror}", file=sys.stderr)
        return 1
    with internet:
        note = options.state / "ready.json"
        home = _chromium_home(internet, options.state)
        part = note.with_suffix(".part")
        part.write_text(json.dumps(internet.ready() | {"chromium_home": home}, indent=1) + "\n", encoding="utf-8")
        os.replace(part, note)
        print(f"the internet answers on {internet.proxy_url}", flush=True)
        stop.wait()
        note.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
