"""The images' base by its digest: `python -m infra.base_image` asks its registry for it anew.

lambdas/base.json has the digest that is built on. A tag is what its owner makes of it; a digest is
one image for good.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "lambdas" / "base.json"
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# An index, or one image: a digest of either is built on.
MANIFESTS = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
_SECONDS = 30


def locked(lock: Path | None = None) -> tuple[str, str, str | None]:
    """Repository and tag of the base, and its digest; None where nobody locked it yet.

    Raises ValueError for what is no digest.
    """
    path = lock or LOCK
    kept: Mapping[str, str | None] = json.loads(path.read_text())
    digest = kept["digest"]
    if digest is not None and not DIGEST.fullmatch(digest):
        raise ValueError(f"{path.name}: digest '{digest}' is no sha256:...; run make lock-images")
    return str(kept["repository"]), str(kept["tag"]), digest


def resolve(repository: str, tag: str, scheme: str = "https") -> str:
    """The digest that a registry has under a tag now; raises OSError with its reason."""
    host, _, name = repository.partition("/")
    url = f"{scheme}://{host}/v2/{name}/manifests/{tag}"
    try:
        digest = _digest(url, {})
    except HTTPError as error:
        if error.code != 401:
            raise
        digest = _digest(url, _signed_in(error.headers["WWW-Authenticate"]))
    if not DIGEST.fullmatch(digest):
        raise OSError(f"{host} named no digest for {name}:{tag}")
    return digest


def _digest(url: str, headers: Mapping[str, str]) -> str:
    asked = Request(url, method="HEAD", headers={"Accept": MANIFESTS, **headers})
    with urlopen(asked, timeout=_SECONDS) as answer:
        return answer.headers.get("Docker-Content-Digest") or ""


def _signed_in(challenge: str) -> dict[str, str]:
    """What a registry gives to everybody who asks where it says."""
    told = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    query = urlencode({name: told[name] for name in ("service", "scope") if name in told})
    with urlopen(f"{told['realm']}?{query}", timeout=_SECONDS) as answer:
        given = json.load(answer)
    return {"Authorization": f"Bearer {given.get('token') or given['access_token']}"}


def main() -> int:
    """Lock the base; 1 with a line where its registry does not say."""
    repository, tag, before = locked()
    try:
        digest = resolve(repository, tag)
    except (URLError, OSError, KeyError, ValueError) as error:
        sys.stderr.write(f"lock-images: {repository}:{tag}: {error}\n")
        return 1
    kept = {"repository": repository, "tag": tag, "digest": digest}
    LOCK.write_text(json.dumps(kept, indent=2) + "\n")
    sys.stdout.write(f"{repository}:{tag} is {digest}{'' if digest != before else ', as before'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
