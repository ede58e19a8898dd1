"""Image sizes: what each Lambda's image adds to its base, as files and as a registry stores it.

Measures images that `make images BUILDER=buildah` left in the local store, and starts nothing.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _measure

BASE = "public.ecr.aws/lambda/python:3.12"
MB = 1_000_000
# What Lambda allows for an image, with its base.
LIMIT_MB = 10_000


def main() -> int:
    """Measure and print; says so where buildah or an image is missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prefix", default="localhost/hindcast-")
    parser.add_argument("--version", default="local")
    parser.add_argument("--base", default=BASE, help="the image that the others are built on")
    options = parser.parse_args()
    if shutil.which("buildah") is None:
        print("buildah is not installed: no image is measured")
        return 0
    images = {name: f"{options.prefix}{name}:{options.version}" for name in _functions()}
    missing = [image for image in (options.base, *images.values()) if not _stored(image)]
    if missing:
        print(f"not in the local store: {', '.join(missing)}; run: make images BUILDER=buildah")
        return 0
    return _report(options.base, images)


def _report(base: str, images: dict[str, str]) -> int:
    beneath = list(_layers(base))
    sizes = {"the base": beneath}
    sizes |= {name: list(_layers(image))[len(beneath) :] for name, image in images.items()}
    rows = [
        (name, sum(f for f, _ in of) / MB, sum(c for _, c in of) / MB) for name, of in sizes.items()
    ]
    _measure.table(("MB, without the base", "files", "compressed"), rows)
    largest = rows[0][1] + max(files for _, files, _ in rows[1:])
    return _measure.verdict([_measure.Limit("largest image with its base, MB", largest, LIMIT_MB)])


def _functions() -> list[str]:
    files = (_measure.ROOT / "lambdas").glob("*/Dockerfile")
    return sorted(file.parent.name.replace("_", "-") for file in files)


def _stored(image: str) -> bool:
    inspect = ["buildah", "inspect", "--type", "image", image]
    return subprocess.run(inspect, capture_output=True, check=False).returncode == 0


def _layers(image: str) -> Iterator[tuple[int, int]]:
    """Each layer's bytes, as a tar of its files and compressed."""
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        _measure.quiet(["buildah", "push", "--quiet", image, f"oci:{folder}"])
        [stored] = _document(Path(folder, "index.json"))["manifests"]
        for layer in _document(_blob(folder, stored))["layers"]:
            with gzip.open(_blob(folder, layer)) as files:
                yield files.seek(0, 2), layer["size"]


def _document(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _blob(folder: str, described: dict[str, str]) -> Path:
    return Path(folder, "blobs", *described["digest"].split(":"))


if __name__ == "__main__":
    sys.exit(main())
