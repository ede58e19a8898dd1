"""Ask OSV what is known of every locked package: `python -m infra.audit [--required]`.

Fails where anything is critical. Without the network it is skipped and says so, unless required.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[1]
OSV = "https://api.osv.dev"
CRITICAL = "CRITICAL"
# Known, looked at, and no danger here: id -> why. An entry is as good as its reason.
ACCEPTED: Mapping[str, str] = {}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)
_QUERIES, _SECONDS = 500, 30

Package = tuple[str, str, str]  # Ecosystem, name, version.


def packages(root: Path = ROOT) -> list[Package]:
    """Every package that a lock file names."""
    texts = [path.read_text() for path in sorted((root / "requirements").glob("*.txt"))]
    found = {("PyPI", name, version) for text in texts for name, version in _PIN.findall(text)}
    lock = json.loads((root / "npm" / "package-lock.json").read_text())["packages"]
    found |= {
        ("npm", path.rpartition("node_modules/")[2], each["version"])
        for path, each in lock.items()
        if path
    }
    return sorted(found)


def known(asked: Sequence[Package], url: str = OSV) -> dict[str, set[Package]]:
    """The ids of what is known, and of which packages; raises URLError where OSV is not reached."""
    found: dict[str, set[Package]] = {}
    for start in range(0, len(asked), _QUERIES):
        part = asked[start : start + _QUERIES]
        queries = [
            {"package": {"ecosystem": kind, "name": name}, "version": version}
            for kind, name, version in part
        ]
        answers = _answer(f"{url}/v1/querybatch", {"queries": queries})["results"]
        for package, answer in zip(part, answers, strict=True):
            for each in answer.get("vulns", ()):
                found.setdefault(each["id"], set()).add(package)
    return found


def severities(ids: Iterable[str], url: str = OSV) -> dict[str, str]:
    """How bad each is, as GitHub's reviewers say; UNKNOWN where nobody said."""
    said = {each: _answer(f"{url}/v1/vulns/{each}").get("database_specific", {}) for each in ids}
    return {each: specific.get("severity") or "UNKNOWN" for each, specific in said.items()}


def _answer(url: str, given: Any = None) -> Any:
    body = None if given is None else json.dumps(given).encode()
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=_SECONDS) as got:
        return json.load(got)


def main(argv: Sequence[str], url: str = OSV, root: Path = ROOT) -> int:
    """1 where something critical is known, or OSV was needed and not reached; else 0."""
    try:
        found = known(packages(root), url)
        rated = severities(sorted(found), url)
    except (URLError, TimeoutError) as error:
        needed = "--required" in argv
        sys.stderr.write(
            f"audit: {'not done' if needed else 'skipped'}, {url} is not reached: {error}\n"
        )
        return int(needed)
    for each, severity in sorted(rated.items()):
        whose = ", ".join(f"{name} {version}" for _, name, version in sorted(found[each]))
        sys.stdout.write(f"{severity:9} {each}: {whose}  {ACCEPTED.get(each, '')}".rstrip() + "\n")
    critical = [each for each, severity in rated.items() if severity == CRITICAL]
    refused = sorted(set(critical) - set(ACCEPTED))
    sys.stdout.write(f"audit: {len(rated)} known, {len(refused)} critical\n")
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
