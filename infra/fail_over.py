"""Let the second region take over: deploy what serves there, and go on from what has come to it.

`python -m infra.fail_over DEPLOYMENT VERSION`, with one's own rights, as the pipeline's region may
be the one that is gone. Nothing of it asks the first region; each part may be done again.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.config import BACKUPS, CAPABILITIES, FENCED, HEADS, RECOVERY, Deployment
from infra.delivery import cdk, migrate, roll_out
from infra.delivery.infrastructure import VERSION, VERSIONED
from infra.delivery.migrate import PATIENT
from infra.delivery.stage import held_versions
from infra.delivery.step import DeliveryError, Variables, account, client, say
from infra.project import live_version

# The pipeline's own roles in a deployment; this is done by a person's.
OF_THE_PIPELINE = "access"


def main(argv: Sequence[str]) -> int:
    """Take over for a deployment: 0 when the standby serves, 1 with one line, 2 on bad usage."""
    if len(argv) != 2:
        sys.stderr.write("infra.fail_over: name the deployment and the version that it runs\n")
        return 2
    name, version = argv
    try:
        take_over(Variables({"DEPLOYMENT": name}).deployment, version)
    except (DeliveryError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"infra.fail_over: {error}\n")
        return 1
    return 0


def take_over(first: Deployment, version: str, pause: Callable[[float], None] = time.sleep) -> None:
    """Bring the standby of a deployment to traffic, by the application's version.

    In this order: no more replicas come in, the database is restored of its newest backup and
    everything else deployed, what the copies lack is said and mended, champions are rolled out.
    Raises DeliveryError where the deployment has no standby, and what each part raises.
    """
    standby, began = first.standby, time.monotonic()
    if standby is None:
        raise DeliveryError(f"{first.name}: infra/config.py gives it no recovery region")

    def told(what: str) -> None:
        say(f"{what} after {(time.monotonic() - began) / 60:.0f} min")

    backups = backups_of(first, standby)
    fence = {f"{standby.named(RECOVERY)}:{FENCED}": "yes"}
    cdk.deploy([standby.named(RECOVERY)], fence)
    told("fenced")
    deploy(standby, version, {f"{standby.named('data')}:{BACKUPS}": backups, **fence}, pause)
    told("deployed")
    there = Variables({"DEPLOYMENT": standby.name, "VERSION": version})
    migrate.run(there)
    recover(standby)
    told("recovered")
    roll_out.run(there, pause)
    told("serving")


def backups_of(first: Deployment, standby: Deployment) -> str:
    """The ARN of the database's backups in the second region; says to which moment they go."""
    rds = client("rds", standby.region)
    found = rds.describe_db_instance_automated_backups(
        DBInstanceIdentifier=first.named("postgres")
    )["DBInstanceAutomatedBackups"]
    usable = [one for one in found if "LatestTime" in one.get("RestoreWindow", {})]
    if not usable:
        raise DeliveryError(
            f"{standby.region} has no backups of {first.named('postgres')} to restore: see "
            "docs/recovery.md#no-backups"
        )
    newest = max(usable, key=lambda one: one["RestoreWindow"]["LatestTime"])
    say(f"the ledger is restored as of {newest['RestoreWindow']['LatestTime'].isoformat()}")
    return str(newest["DBInstanceAutomatedBackupsArn"])


def deploy(
    standby: Deployment,
    version: str,
    parameters: dict[str, str],
    pause: Callable[[float], None],
) -> None:
    """Deploy all stacks of the standby; what its stages serve stays, where this is done again."""
    given = parameters | {f"{standby.named(what)}:{VERSION}": version for what in VERSIONED}
    with held_versions(standby, pause) as serving:
        for model, live in serving.items():
            given[f"{standby.named('api')}:{live_version(model)}"] = live
        stacks = [one for one in CAPABILITIES if one != OF_THE_PIPELINE]
        cdk.deploy([standby.named(one) for one in stacks], given)


def recover(standby: Deployment) -> None:
    """Let the control function hold the copies against each other; says what is lost.

    Raises DeliveryError with the function's own error.
    """
    heads = f"s3://{standby.bucket('heads', account(standby.region))}/{HEADS}"
    answer = client("lambda", standby.region, PATIENT).invoke(
        FunctionName=standby.named("control"),
        Payload=json.dumps({"action": "recover", "heads": heads}),
    )
    document: dict[str, Any] = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise DeliveryError(
            f"{standby.named('control')} failed: {document.get('errorType')}: "
            f"{document.get('errorMessage')}"
        )
    say(f"lost: {'; '.join(document['lost']) or 'nothing that is known of'}")
    for line in document["added"]:
        say(f"there: {line}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
