"""Brings the catalogs of the desk's languages up to date: ``python -m review.translating``.

What the code says is added to each ``review/languages/*.po`` with an empty translation, what it says no longer is
dropped, and every translation stays. It also says how many sentences each language still lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages import Catalog, extract
from babel.messages.pofile import read_po, write_po

from review import sayings, words

HERE = Path(__file__).resolve().parent
#: Where sentences stand, and how they are found there. A call may be of gettext or of ngettext.
_METHODS = {"*.py": "python", "templates/*.html": "jinja2.ext:babel_extract", "static/*.js": "javascript"}
_KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "_n": (1, 2), "ngettext": (1, 2)}
_OPTIONS = {"trimmed": "true", "newstyle_gettext": "true", "silent": "false"}


def collect() -> Catalog:
    """Everything that the desk says, each sentence with the files that say it."""
    found = Catalog(project="Faceloop")
    for name, texts in (("words", words.sayings()), ("sayings", sayings.sayings())):
        for text in texts:
            found.add(str(text), locations=[(f"review/{name}.py", 0)])
    for pattern, method in _METHODS.items():
        for path in sorted(HERE.glob(pattern)):
            for sentence in _in(path, method):
                found.add(sentence, locations=[(path.relative_to(HERE.parent).as_posix(), 0)])
    return found


def bring_up_to_date(path: Path, found: Catalog) -> Catalog:
    """The catalog in a file, with what is said now and nothing else; the file is not touched."""
    catalog = read_po(path.open("rb"), locale=path.stem)
    told = catalog.creation_date, catalog.header_comment
    catalog.update(found, no_fuzzy_matching=True, update_header_comment=False)
    catalog.creation_date, catalog.header_comment = told
    return catalog


def write(path: Path, catalog: Catalog) -> None:
    """Write a catalog so that nothing in it changes but what was translated."""
    with path.open("wb") as out:
        write_po(out, catalog, width=120, sort_by_file=True, include_lineno=False, ignore_obsolete=True)


def lacking(catalog: Catalog) -> list[str]:
    """The sentences of a catalog that are not translated, or whose translation nobody has looked at."""
    return [_first(message.id) for message in catalog if message.id and (message.fuzzy or not _whole(message.string))]


def _in(path: Path, method: str) -> Iterator[Any]:
    with path.open("rb") as source:
        for _, sentence, _, _ in extract.extract(method, source, keywords=_KEYWORDS, options=_OPTIONS):
            yield sentence


def _whole(said: Any) -> bool:
    return all(said) if isinstance(said, tuple | list) else bool(said)


def _first(sentence: Any) -> str:
    return sentence[0] if isinstance(sentence, tuple | list) else sentence


def main() -> None:
    """Write every catalog anew."""
    found = collect()
    for path in sorted((HERE / "languages").glob("*.po")):
        catalog = bring_up_to_date(path, found)
        write(path, catalog)
        missing = lacking(catalog)
        print(f"{path.name}: {len(catalog)} sentences, {len(missing)} to translate")
        for sentence in missing:
            print(f"  {sentence}")


if __name__ == "__main__":
    main()
