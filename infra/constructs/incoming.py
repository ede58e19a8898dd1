"""Files that are put below incoming/ of the lake's bucket go into the lake by themselves."""

from typing import TYPE_CHECKING

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.prediction_log import dead_letters, keep_failures

if TYPE_CHECKING:
    from infra.constructs.image_function import ImageFunction


class Incoming(Construct):
    """A rule on S3's events; what is not delivered, or fails three times, waits in a queue."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        ingest: "ImageFunction",
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.failed = dead_letters(self, "Failed", addresses.named("uningested"), key)
        keep_failures(self, "Retries", ingest, self.failed)
        # The detail goes on as a whole: EventBridge escapes nothing that is put into a text, and
        # a key may hold quotes.
        given = {"action": "ingest", "created": events.EventField.from_path("$.detail")}
        events.Rule(
            self,
            "Created",
            rule_name=addresses.named("incoming"),
            description="A file was put below incoming/ of the lake's bucket",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [addresses.bucket("lake")]},
                    "object": {"key": [{"prefix": f"{names.INCOMING}/"}]},
                },
            ),
            targets=[
                targets.LambdaFunction(
                    ingest.function,
                    event=events.RuleTargetInput.from_object(given),
                    dead_letter_queue=self.failed,
                )
            ],
        )
