"""Writes the pages that the code itself can tell: docs/dags.md, docs/checks.md, docs/settings.md and .env.example.

``python docs/generate.py`` writes them; ``--check`` fails, and names them, when one is not as it would be written.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from catalog.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = "<!-- Written by docs/generate.py (make docs); change the code, not this page. -->"


def dags() -> str:
    """The manual of every DAG file: its own docstring."""
    parts = ["# The DAGs", WRITTEN]
    for path in sorted((ROOT / "dags").glob("*.py")):
        text = ast.get_docstring(ast.parse(path.read_text()))
        if not text:
            raise SystemExit(f"{path.name} has no docstring; it is the DAG's manual")
        parts.append(f"## dags/{path.name}\n\n{text}")
    return "\n\n".join(parts) + "\n"


def checks() -> str:
    """The table of checks, from their decorators and docstrings."""
    told = subprocess.run(
        [sys.executable, "-m", "preprocessing", "checks", "--markdown"], cwd=ROOT, check=True, capture_output=True
    )
    return f"# The checks\n\n{WRITTEN}\n\n{told.stdout.decode().strip()}\n"


def settings() -> str:
    """Every setting with its default and meaning."""
    rows = ["# Settings", WRITTEN, "Read from the environment, or from `.env` in the working directory."]
    table = ["| setting | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        table.append(f"| `{_variable(name)}` | {_shown(field) and f'`{_shown(field)}`'} | {field.description} |")
    return "\n\n".join([*rows, "\n".join(table)]) + "\n"


def env_example() -> str:
    """The settings as a file to copy, and what docker-compose needs besides."""
    lines = ["# Copy to .env. Everything of Faceloop itself has a default; written by docs/generate.py.", ""]
    for name, field in Settings.model_fields.items():
        lines += [f"# {field.description}", f"# {_variable(name)}={_shown(field)}", ""]
    return "\n".join([*lines, (ROOT / "docker" / "env.example").read_text().strip(), ""])


PAGES = {"docs/dags.md": dags, "docs/checks.md": checks, "docs/settings.md": settings, ".env.example": env_example}


def main() -> int:
    """Write the pages, or compare them."""
    check, stale = "--check" in sys.argv[1:], []
    for name, page in PAGES.items():
        path, text = ROOT / name, page()
        if path.exists() and path.read_text() == text:
            continue
        stale.append(name)
        if not check:
            path.write_text(text)
    print(f"{'stale' if check else 'written'}: {', '.join(stale)}" if stale else "the generated pages are current")
    return int(check and bool(stale))


def _variable(name: str) -> str:
    return f"FACELOOP_{name.upper()}"


def _shown(field: FieldInfo) -> str:
    default = field.default
    if default is PydanticUndefined or isinstance(default, SecretStr):
        return ""
    return str(default)


if __name__ == "__main__":
    sys.exit(main())
