"""Records what each of the templates' google queries yields in the demo's world, as bench/yields.csv: counts alone.

``python -m bench.yields``. Every query is put to the stand-in's own search, by itself; of its first 100 results, those
that show a copy of another or no photo are not new, and those of the arm's domain that were drawn without a flaw are
approved, as the demo's reviewer would. The stand-in understands English and a few words of other languages: that is
what a planner can find out here.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog import Settings  # noqa: E402
from collectors.templates import arms_of  # noqa: E402
from demo.internet import World  # noqa: E402

RESULTS = 100
WORLD = World(people=400, photos_per_source=4000, seed=3, flawed=0.35)


def main() -> None:
    """Ask every query of every arm, and write the counts."""
    with (ROOT / "bench" / "yields.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["source", "arm", "domain", "text", "found", "new", "approved"])
        for arm in arms_of("google", Settings(templates="", _env_file=None)):
            for text in arm.texts:
                pictures = [result.picture for result in WORLD.search(text)[:RESULTS]]
                new = [picture for picture in pictures if picture.kind == "photo"]
                good = [p for p in new if p.truth.domain == arm.domain.value and p.truth.defect is None]
                rows.writerow(["google", arm.name, arm.domain.value, text, len(pictures), len(new), len(good)])


if __name__ == "__main__":
    main()
