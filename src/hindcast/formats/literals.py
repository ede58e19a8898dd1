"""Paths as DuckDB's SQL has them."""

import glob
from pathlib import Path

from hindcast.compiler.quoting import literal


def pattern(path: Path) -> str:
    """DuckDB takes a path for a pattern; this one matches the path alone."""
    return literal(glob.escape(str(path)))
