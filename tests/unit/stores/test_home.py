"""A home is its owner's alone; what lies in it that is not ours stays as it is."""

from pathlib import Path

import pytest

from hindcast import bootstrap
from hindcast.stores import home


def modes(folder: Path) -> dict[str, str]:
    return {path.name: oct(path.stat().st_mode & 0o777) for path in (folder, *folder.rglob("*"))}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A home that an earlier version left open."""
    folder = tmp_path / "home"
    for path in (folder / "lake" / "raw", folder / "postgres"):
        path.mkdir(parents=True)
    for path in (folder / "lake" / "raw" / "part.parquet", folder / "tokens.json"):
        path.write_text("{}")
        path.chmod(0o644)
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    return folder


def test_opening_an_old_home_closes_it(old: Path) -> None:
    bootstrap.application(old, compiled=False)
    assert set(modes(old).values()) == {"0o700", "0o600"}
    assert modes(old)["part.parquet"] == "0o600"


def test_a_home_that_is_somebodys_folder_is_closed_in_our_own_parts(old: Path) -> None:
    (old / "notes.txt").write_text("for all")
    (old / "notes.txt").chmod(0o644)
    home.tighten(old)
    found = modes(old)
    assert (found["home"], found["notes.txt"]) == ("0o755", "0o644")
    assert (found["lake"], found["tokens.json"]) == ("0o700", "0o600")


def test_a_link_is_not_followed(old: Path, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    (old / "releases").symlink_to(shared)
    home.tighten(old)
    assert modes(tmp_path)["shared"] == "0o755"


def test_a_home_that_is_not_there_yet_is_left_to_who_makes_it(tmp_path: Path) -> None:
    home.tighten(tmp_path / "none")
    assert not (tmp_path / "none").exists()
