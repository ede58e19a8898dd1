"""New projects: each example is a template, which is copied as it is."""

from pathlib import Path

from hindcast.errors import InputError
from hindcast.project import DEFINITIONS, examples

# What a project is made of; data and caches beside them stay where they are.
_KINDS = (".py", ".md")


def templates() -> dict[str, Path]:
    """The folders that have definitions, by name."""
    found = sorted(examples().iterdir())
    return {folder.name: folder for folder in found if (folder / DEFINITIONS).is_file()}


def write(template: str, folder: Path) -> list[Path]:
    """Copy a template's files into a folder; gives what was written.

    Raises InputError for an unknown template, and where a file would be overwritten.
    """
    known = templates()
    if template not in known:
        raise InputError(f"no template '{template}'; use one of {', '.join(known)}")
    copies = {
        folder / file.name: file.read_bytes()
        for file in sorted(known[template].iterdir())
        if file.suffix in _KINDS
    }
    for path in copies:
        if path.exists():
            raise InputError(f"{path}: the file exists already; name another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in copies.items():
            path.write_bytes(content)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    return list(copies)
