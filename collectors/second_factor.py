"""The second factor of a sign-in: a code that a command prints, or that a person types."""

from __future__ import annotations

import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress

from catalog import Settings
from collectors.errors import LoginNeeded

_SECONDS = 60
_MOST = 256  # bytes of what a command prints
_CODE = re.compile(r"\d{4,10}")


def code(settings: Settings) -> str:
    """What the command of FACELOOP_INSTAGRAM_2FA_COMMAND prints, digits alone; raises LoginNeeded when it prints no
    code, fails, takes longer than a minute, or is not set. The command is no shell's: its words are its arguments."""
    command = settings.instagram_2fa_command
    if not command.strip():
        raise LoginNeeded(
            "Instagram wants a second factor: run `python -m collectors sign-in instagram` on a terminal, or set "
            "FACELOOP_INSTAGRAM_2FA_COMMAND"
        )
    try:
        running = subprocess.Popen(
            shlex.split(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise LoginNeeded(f"the command for Instagram's second factor cannot be run: {error}") from error
    try:
        printed = _printed(running, end=time.monotonic() + _SECONDS)
    except subprocess.TimeoutExpired as error:
        raise LoginNeeded(f"the command for Instagram's second factor took longer than {_SECONDS} s") from error
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)  # what it started and left behind as well
        running.wait()
    if running.returncode:
        raise LoginNeeded(f"the command for Instagram's second factor failed with status {running.returncode}")
    return _digits(printed.decode("ascii", "replace"), "the command for Instagram's second factor printed no code")


def _printed(running: subprocess.Popen[bytes], *, end: float) -> bytes:
    """What a command prints until it ends; nothing when that is too much for a code."""
    assert running.stdout is not None
    printed = b""
    with running.stdout as pipe:
        while len(printed) <= _MOST:
            if not select.select([pipe], [], [], max(0.0, end - time.monotonic()))[0]:
                raise subprocess.TimeoutExpired(running.args, _SECONDS)
            part = os.read(pipe.fileno(), _MOST)
            if not part:
                running.wait(timeout=max(0.0, end - time.monotonic()))
                return printed
            printed += part
    return b""


def ask(prompt: str = "Instagram's code (app or SMS): ") -> str:
    """What a person types; raises LoginNeeded when there is no terminal, or it is no code."""
    if not sys.stdin.isatty():
        raise LoginNeeded("Instagram wants a second factor, and there is no terminal to ask for its code on")
    return _digits(input(prompt), "that is no code")


def _digits(text: str, complaint: str) -> str:
    digits = "".join(text.split())
    if not _CODE.fullmatch(digits):
        raise LoginNeeded(complaint)
    return digits
