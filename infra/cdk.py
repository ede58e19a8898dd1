"""The CDK's command line, by Node from its wheel: `python -m infra.cdk bootstrap`, and so on."""

import sys
from collections.abc import Sequence

from infra.delivery import cdk
from infra.delivery.step import DeliveryError


def main(argv: Sequence[str]) -> int:
    """Run it with these words at the repository's root; 1 when it fails, after its own words."""
    try:
        cdk.run(*argv)
    except DeliveryError as error:
        sys.stderr.write(f"infra.cdk: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
