"""Texts and paths as DuckDB's SQL has them."""

import glob
from pathlib import Path


def pattern(path: Path) -> str:
    """DuckDB takes a path for a pattern; this one matches the path alone."""
    return literal(glob.escape(str(path)))


def literal(text: str) -> str:
    """A text in quotes."""
    return "'" + text.replace("'", "''") + "'"
