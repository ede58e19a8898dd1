"""Who calls: tokens of a home, and identities of IAM."""

from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import InputError, NotFoundError
from hindcast.operations.control import access
from hindcast.operations.control.access import Caller, IamAccess, Tokens
from hindcast.serving.requests import RequestError

ROLE = "arn:aws:sts::111122223333:assumed-role"


def bearing(token: str) -> dict[str, Any]:
    return {"headers": {"authorization": f"Bearer {token}"}}


def test_a_token_is_told_once_and_only_its_owner_can_read_what_is_kept(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    made = tokens.first()
    assert made is not None
    caller, token = made
    assert tokens.caller(bearing(token)) == caller
    assert tokens.first() is None
    assert tokens.path.stat().st_mode & 0o777 == 0o600
    assert token not in tokens.path.read_text()


def test_a_new_token_replaces_the_old_one_of_its_name(tmp_path: Path) -> None:
    tokens = Tokens(tmp_path)
    old, other = tokens.add("ann", "viewer"), tokens.add("bob", "viewer")
    new = tokens.add("ann", "operator")
    assert tokens.caller(bearing(new)) == Caller("ann", "operator")
    tokens.remove("bob")
    for gone in (old, other, ""):
        with pytest.raises(RequestError, match="no token") as refused:
            tokens.caller(bearing(gone))
        assert refused.value.status == 401
    with pytest.raises(NotFoundError, match="'bob'"):
        tokens.remove("bob")
    with pytest.raises(InputError, match="viewer, operator, approver"):
        tokens.add("ann", "king")


def test_an_identity_has_the_highest_of_its_roles() -> None:
    roles = access.iam_roles(f'{{"{ROLE}/People/*": "viewer", "{ROLE}/People/ann": "approver"}}')
    event: dict[str, Any] = {"requestContext": {"identity": {"userArn": f"{ROLE}/People/ann"}}}
    assert IamAccess(roles).caller(event) == Caller(f"{ROLE}/People/ann", "approver")
    event["requestContext"]["identity"]["userArn"] = f"{ROLE}/Other/ann"
    with pytest.raises(RequestError, match="no role") as refused:
        IamAccess(roles).caller(event)
    assert refused.value.status == 403
    with pytest.raises(InputError, match="approver"):
        access.iam_roles('{"*": "king"}')
