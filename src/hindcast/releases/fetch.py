"""Copy a release to a folder: python -m hindcast.releases.fetch RELEASES RELEASE FOLDER.

RELEASES is a folder or s3:// URI. The standard library and boto3 are enough for it, so that the
build of a predict image has little to install.
"""

import argparse
import shutil
import sys
from pathlib import Path

from hindcast.errors import HindcastError
from hindcast.releases import folder
from hindcast.releases.store import open_store
from hindcast.serving import release as releases


def fetch(place: str, release: str, to: Path) -> Path:
    """A verified copy of a release as a folder of its id below another.

    Raises NotFoundError for no such release, ReleaseError naming the file that is not as it was
    released, and what the bucket raises.
    """
    target = to / release
    found = open_store(place, copies=to).fetch(release)
    releases.read(found)
    if not target.is_dir():
        with folder.appearing(target) as fresh:
            shutil.copytree(found, fresh, dirs_exist_ok=True)
    releases.read(target)
    return target


def main() -> None:
    """Print where the copy lies; a known error is one line on stderr and its exit code."""
    parser = argparse.ArgumentParser(prog="hindcast.releases.fetch", description=fetch.__doc__)
    parser.add_argument("releases", help="a folder of releases, or s3://BUCKET/PATH")
    parser.add_argument("release", help="a release id")
    parser.add_argument("folder", type=Path, help="where the release's own folder is to lie")
    given = parser.parse_args()
    try:
        sys.stdout.write(f"{fetch(given.releases, given.release, given.folder)}\n")
    except HindcastError as error:
        sys.stderr.write(f"hindcast: {error}\n")
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
