"""`python -m infra.delivery STEP`: do one step with the variables of the environment."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from infra.delivery import (
    application,
    build,
    infrastructure,
    migrate,
    publish,
    release_image,
    roll_out,
    smoke_test,
)
from infra.delivery.step import DeliveryError, Variables

STEPS: Mapping[str, Callable[[Variables], None]] = {
    "build": build.run,
    "publish": publish.run,
    "infrastructure": infrastructure.run,
    "migrate": migrate.run,
    "application": application.run,
    "roll-out": roll_out.run,
    "smoke-test": smoke_test.run,
    "release-image": release_image.run,
}


def main(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Do the step: 0 when it is done, 1 with one line when it could not be, 2 on bad usage."""
    if len(argv) != 1 or argv[0] not in STEPS:
        sys.stderr.write(f"infra.delivery: name one step of {', '.join(STEPS)}\n")
        return 2
    try:
        STEPS[argv[0]](Variables(environment))
    except (DeliveryError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{argv[0]}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
