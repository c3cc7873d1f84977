"""The commands of python -m catalog, one for each thing that keeps the catalog in order; --help lists them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from catalog import steps
from catalog.attributions import FORMATS, credits_of
from catalog.catalog import Catalog
from catalog.census import census
from catalog.complaints import EXPECTED, one_line
from catalog.who import who


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it went well, 1 with a one-line error when not."""
    given = _parser().parse_args(arguments)
    try:
        told, lines = _VERBS[given.verb](given)
    except EXPECTED as error:
        line = one_line(error)
        print(f"error: {line}", file=sys.stderr)
        if given.json:
            print(json.dumps({"ok": False, "error": line}))
        return 1
    print("\n".join(lines))
    if given.json:
        print(json.dumps({"ok": True, **told}))
    return 0


def _status(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    counted = census(Catalog())
    lines = []
    for word, states in counted.items():
        total = sum(states.values())
        shown = ", ".join(f"{count} {state}" for state, count in states.items() if state != "all")
        lines.append(f"{word:<16}{total:>9}  {shown}".rstrip())
    return {"status": counted}, lines


def _migrate(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    Catalog()
    return {}, ["the catalog is at the newest migration"]


def _release(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    released = steps.release()
    return {"released": released}, [f"{released} claims given back"]


def _sweep(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    found = steps.look_over(delete=given.yes, grace_hours=given.grace_hours)
    what = f"{found.photos} photos, {found.faces} crops, {found.pages} saved answers"
    what += f", {found.reports} reports (and {found.copies} copies beside runs)"
    what += f" and {found.models} files of models that no row names"
    lines = [f"{what} removed" if given.yes else f"{what}; --yes removes them"]
    return asdict(found), lines


def _retention(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    photos = steps.retention()
    return {"photos": photos}, [f"the bytes of {photos} photos removed"]


def _erase(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    by = given.by or who()
    if given.url or given.author:
        done = steps.take_down(url=given.url, author=given.author, by=by, why=given.why)
        lines = [line for photo in done.photos for line in _erased(photo)]
        lines.append(
            f"{len(done.photos)} photos erased, {done.candidates} candidates blanked; nothing of it comes back"
        )
        return asdict(done), lines
    one = steps.erase(photo_id=given.photo, sha256=given.sha256, by=by, why=given.why)
    return asdict(one), _erased(one)


def _erased(done: steps.Erasing) -> list[str]:
    lines = [f"photo {done.photo_id} erased with {done.blobs} blobs; it cannot come back"]
    lines += [f"snapshot {name} holds a face of it: models may have been trained on it" for name in done.snapshots]
    return lines


def _tombstones(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    counted = Catalog().tombstones.counts()
    lines = [f"{kind:<16}{count:>9}" for kind, count in counted.items()]
    return {"tombstones": counted}, lines or ["no tombstones"]


def _backup(_: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    path = steps.backup()
    return {"path": path}, [path]


def _attributions(given: argparse.Namespace) -> tuple[dict[str, Any], list[str]]:
    owed = credits_of(Catalog(), snapshot=given.snapshot)
    return {"attributions": [asdict(credit) for credit in owed]}, [FORMATS[given.format](owed).rstrip("\n")]


_VERBS = {
    "attributions": _attributions,
    "status": _status,
    "migrate": _migrate,
    "release": _release,
    "sweep": _sweep,
    "retention": _retention,
    "erase": _erase,
    "tombstones": _tombstones,
    "backup": _backup,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m catalog", description="Look at the catalog and keep it in order.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    helps = {
        "attributions": "list whom approved faces' photos are owed to: author, licence, line of attribution, page",
        "status": "how many there are of every word, and how they stand",
        "migrate": "bring the database up to the newest migration",
        "release": "give back the claims whose lease has run out",
        "sweep": "find blobs that no row names; --yes removes them",
        "retention": "remove the bytes of photos refused or rejected longer ago than FACELOOP_RETENTION_DAYS",
        "erase": "erase a photo, or all from an address or of an author: bytes, crops and what describes the person; "
        "they cannot come back",
        "tombstones": "how many things of each kind must not come back",
        "backup": "copy the catalog into the home folder's backups/",
    }
    commands = {verb: verbs.add_parser(verb, help=line, description=line) for verb, line in helps.items()}
    for command in commands.values():
        command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    commands["attributions"].add_argument("--snapshot", default="", metavar="ID", help="of a snapshot's faces alone")
    commands["attributions"].add_argument("--format", choices=sorted(FORMATS), default="csv", help="default: csv")
    commands["sweep"].add_argument("--yes", action="store_true", help="remove what is found")
    younger = "leave what is younger (default 24), but for reports: they may show a face that was erased"
    commands["sweep"].add_argument("--grace-hours", type=float, default=24.0, help=younger)
    named = commands["erase"].add_mutually_exclusive_group(required=True)
    named.add_argument("--photo", type=int, metavar="ID", help="the photo's number")
    named.add_argument("--sha256", default="", help="the photo's sha256")
    named.add_argument("--url", default="", help="the address of a picture, or of a page with pictures")
    named.add_argument("--author", default="", metavar="SOURCE/NAME", help="a source's author, e.g. instagram/somebody")
    commands["erase"].add_argument("--by", default="", help="who asks for it (default: you)")
    commands["erase"].add_argument("--why", default="", help="the reason, kept with the erasure")
    return parser


if __name__ == "__main__":
    sys.exit(main())
