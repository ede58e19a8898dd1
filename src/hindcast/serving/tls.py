"""Whom a connection to RDS trusts: a server of the right name, by RDS's own authorities.

The file has the roots of RDS's instances (RSA 2048, of each region), and Amazon's, which sign for
RDS Proxy; `python -m infra.authorities` writes it.
"""

import os
from collections.abc import Mapping
from pathlib import Path

AUTHORITIES = Path(__file__).with_name("rds-ca.pem")
VERIFIED = "verify-full"
# Of libpq, which reads it itself: for a database that another authority signs for.
VARIABLE = "PGSSLROOTCERT"


def missing(
    given: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What the parameters of a connection lack to make sure of whom it is to."""
    added = {} if given.get("sslmode") else {"sslmode": VERIFIED}
    is_told = bool(given.get("sslrootcert") or environment.get(VARIABLE))
    is_verified = {**given, **added}["sslmode"].startswith("verify")
    return added | ({"sslrootcert": str(AUTHORITIES)} if is_verified and not is_told else {})
