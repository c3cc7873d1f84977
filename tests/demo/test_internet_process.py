"""The internet as a process of its own, and the folder of photos."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import requests

from demo.internet import World, write_folder


def test_the_process_says_when_it_is_ready_serves_and_stops_cleanly(tmp_path: Path):
    command = [
        sys.executable,
        "-m",
        "demo.internet",
        "--port",
        "0",
        "--state",
        str(tmp_path),
        "--photos-per-source",
        "4",
    ]
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            note, end = tmp_path / "ready.json", time.monotonic() + 60
            while not note.exists():
                assert process.poll() is None
                assert time.monotonic() < end
                time.sleep(0.05)
            ready = json.loads(note.read_text())
            with requests.Session() as session:
                session.trust_env = False
                page = session.get(
                    "https://www.google.com/search?q=face&udm=2",
                    proxies={"https": ready["proxy_url"]},
                    verify=ready["ca_path"],
                    timeout=20,
                )
            assert page.status_code == 200
            assert (Path(ready["chromium_home"]) / ".pki/nssdb/cert9.db").exists() == bool(shutil.which("certutil"))
            assert ready["environment"]["REQUESTS_CA_BUNDLE"] == ready["ca_path"]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not (tmp_path / "ready.json").exists()


def test_a_port_in_use_is_a_one_line_error(tmp_path: Path, internet):
    command = [sys.executable, "-m", "demo.internet", "--port", str(internet.port), "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert str(internet.port) in done.stderr


def test_a_folder_holds_the_photos_asked_for_and_writing_it_again_changes_nothing(tmp_path: Path, world: World):
    first = write_folder(tmp_path, domain="makeup", photos=3, seed=8, world=world)
    before = {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in first if "web" not in file.name}
    assert write_folder(tmp_path, domain="makeup", photos=3, seed=8, world=world) == first
    assert {file: (file.stat().st_mtime_ns, file.read_bytes()) for file in before} == before
    assert len(list(tmp_path.glob("*.jpg"))) == 4
    for file, truth in first.items():
        assert truth.domain == "makeup"
        assert cv2.imread(str(file)) is not None


def test_a_folder_can_hold_one_photo_that_is_on_the_web_too(tmp_path: Path, world: World):
    files = write_folder(tmp_path, domain="bare", photos=1, world=world)
    known = {
        hashlib.sha256(world.jpeg(p)).digest()
        for p in world.pictures.values()
        if p.kind == "photo" and p.truth in files.values()
    }
    assert len(known & {hashlib.sha256(file.read_bytes()).digest() for file in files}) == 1
