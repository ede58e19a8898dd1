"""Who is trusted to sign for a database: RDS's own roots, of every region that is deployed to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra import authorities
from infra.config import DELIVERY

KEPT = authorities.TARGET.read_bytes()


def test_the_file_is_what_is_written_of_its_own_roots() -> None:
    assert authorities.write(authorities.read(KEPT)) == KEPT.decode()


def test_each_is_an_authority_for_years() -> None:
    for root in authorities.read(KEPT):
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert root.not_valid_after_utc > datetime.now(UTC) + timedelta(days=3 * 365)


def test_instances_of_every_deployment_are_trusted() -> None:
    deployed = (DELIVERY.staging, *DELIVERY.production)
    assert {each.region for each in deployed} <= authorities.regions()


def test_proxies_are_signed_for_by_amazons_own_roots_which_browsers_know() -> None:
    kept = authorities.read(KEPT)
    roots = [root for root in kept if authorities.PROXY.fullmatch(authorities.name(root))]
    public = Path(certifi.where()).read_text()
    assert len(roots) == 4
    assert all(root.public_bytes(Encoding.PEM).decode() in public for root in roots)
