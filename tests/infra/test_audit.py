"""Known vulnerabilities: every locked package is asked for, and what is critical fails."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra import audit
from tests.infra.registries import answering

ROOT = Path(__file__).parents[2]
RATED = {"GHSA-1": "CRITICAL", "GHSA-2": "LOW", "PYSEC-3": None}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of three packages."""
    (tmp_path / "requirements").mkdir()
    pins = "one==1.0 \\\n    --hash=sha256:00\ntwo[extra]==2 ; python_version < '4'\nthree==3\n"
    (tmp_path / "requirements" / "a.txt").write_text(pins)
    (tmp_path / "npm").mkdir()
    lock = {"packages": {"": {}, "node_modules/@a/b": {"version": "4"}}}
    (tmp_path / "npm" / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def osv(
    method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    if method == "GET":
        rated = {"severity": RATED[path.rpartition("/")[2]]}
        return 200, {}, json.dumps({"database_specific": rated}).encode()
    known = {"one": ["GHSA-1"], "@a/b": ["GHSA-2"], "two": ["PYSEC-3"]}
    asked = [each["package"]["name"] for each in json.loads(body)["queries"]]
    results = [
        {"vulns": [{"id": each} for each in known[name]]} if name in known else {} for name in asked
    ]
    return 200, {}, json.dumps({"results": results}).encode()


def test_what_is_critical_fails_and_all_is_told(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(osv) as host:
        assert audit.main([], f"http://{host}", root) == 1
        assert capsys.readouterr().out.splitlines() == [
            "CRITICAL  GHSA-1: one 1.0",
            "LOW       GHSA-2: @a/b 4",
            "UNKNOWN   PYSEC-3: two 2",
            "audit: 3 known, 1 critical",
        ]
        monkeypatch.setattr(audit, "ACCEPTED", {"GHSA-1": "only with Perl"})
        assert audit.main([], f"http://{host}", root) == 0
        assert "GHSA-1: one 1.0  only with Perl\n" in capsys.readouterr().out


@pytest.mark.parametrize(("given", "code"), [([], 0), (["--required"], 1)])
def test_without_the_network_it_says_that_nothing_was_asked(
    root: Path, given: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(given, "http://127.0.0.1:1", root) == code
    said = "not done" if code else "skipped"
    assert f"audit: {said}, http://127.0.0.1:1 is not reached: " in capsys.readouterr().err


def test_every_locked_package_is_asked_for() -> None:
    found = {(kind, name) for kind, name, _ in audit.packages()}
    assert {("PyPI", "psycopg"), ("PyPI", "uv"), ("PyPI", "ministack"), ("npm", "aws-cdk")} <= found


def test_npms_packages_are_locked_by_digest_and_by_no_registrys_name() -> None:
    lock = json.loads((ROOT / "npm" / "package-lock.json").read_text())["packages"]
    asked = json.loads((ROOT / "npm" / "package.json").read_text())
    assert lock[""]["dependencies"] == asked["dependencies"]
    packages = [each for path, each in lock.items() if path]
    assert all(each["integrity"].startswith("sha512-") for each in packages)
    assert not [each for each in packages if "resolved" in each]
