"""The images' base: its digest is asked of its registry, which first wants a token."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from infra import base_image
from tests.infra.registries import answering

DIGEST = f"sha256:{'7' * 64}"


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "base.json"
    path.write_text(
        json.dumps({"repository": "nowhere.invalid/python", "tag": "3", "digest": None})
    )
    monkeypatch.setattr(base_image, "LOCK", path)
    return path


def registry(
    method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, Mapping[str, str], bytes]:
    if path.startswith("/token?"):
        assert path == "/token?service=s&scope=aws"
        return 200, {}, json.dumps({"token": "t"}).encode()
    if headers.get("Authorization") != "Bearer t":
        realm = f'Bearer realm="http://{headers["Host"]}/token",service="s",scope="aws"'
        return 401, {"WWW-Authenticate": realm}, b""
    assert (method, path) == ("HEAD", "/v2/lambda/python/manifests/3.12")
    assert "image.index" in headers["Accept"]
    return 200, {"Docker-Content-Digest": DIGEST}, b""


def test_a_registry_says_what_a_tag_is(
    lock: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(registry) as host:
        name, resolve = f"{host}/lambda/python", base_image.resolve
        lock.write_text(json.dumps({"repository": name, "tag": "3.12", "digest": None}))
        monkeypatch.setattr(base_image, "resolve", lambda name, tag: resolve(name, tag, "http"))
        assert base_image.main() == 0
    assert base_image.locked() == (name, "3.12", DIGEST)
    assert capsys.readouterr().out == f"{name}:3.12 is {DIGEST}\n"


def test_without_a_registry_the_lock_stays(lock: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = lock.read_text()
    assert base_image.main() == 1
    assert capsys.readouterr().err.startswith("lock-images: nowhere.invalid/python:3: ")
    assert lock.read_text() == before


def test_what_is_no_digest_is_refused(lock: Path) -> None:
    lock.write_text(json.dumps({"repository": "r", "tag": "3", "digest": "latest"}))
    with pytest.raises(ValueError, match=r"digest 'latest' is no sha256:"):
        base_image.locked()
