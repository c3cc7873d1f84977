"""Photos in a directory, for the folder source: a drive that somebody plugged in."""

from __future__ import annotations

from pathlib import Path

from demo.internet.world import World
from demo.portraits import Domain, Truth, imagine


def write_folder(
    path: Path, *, domain: Domain, count: int, seed: int = 0, first_person: int = 5000, world: World | None = None
) -> dict[Path, Truth]:
    """Write `count` drawn photos as JPEGs and return what each shows; files that exist are left as they are.

    The people are none of the web's unless `first_person` says so. With a `world`, one photo that is on the web
    too is added, byte for byte: the folder source must notice.
    """
    from demo.portraits import draw, encode

    path.mkdir(parents=True, exist_ok=True)
    written: dict[Path, Truth] = {}
    for number in range(count):
        truth = imagine(person=first_person + number, seed=seed + number, domain=domain)
        file = path / f"{domain}-{number:04d}.jpg"
        if not file.exists():
            file.write_bytes(encode(draw(truth)))
        written[file] = truth
    if world is not None:
        known = next(p for p in world.pictures.values() if p.kind == "photo" and p.truth.domain == domain)
        file = path / f"{domain}-from-the-web.jpg"
        file.write_bytes(world.jpeg(known))
        written[file] = known.truth
    return written
