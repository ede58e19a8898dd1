"""The functions that train, judge, promote and predict, and what each may do."""

import json
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct

from hindcast import names
from infra.config import PREDICT
from infra.constructs.image_function import FunctionSpec, ImageFunction, Room
from infra.permissions import allow, allow_batches, allow_mending, allow_read, allow_write

if TYPE_CHECKING:
    from infra.constructs.database import Database

# Where the predict image holds its release.
RELEASE_DIR = "/opt/release"
# Where the other images hold the deployment's own definitions, if it has any.
PROJECT_DIR = "/opt/project"
MINUTES_15 = 900
# What the prediction log becomes: answers, and lines that are none.
COLLECTED = (names.PREDICTIONS, f"{names.QUARANTINE}/{names.PREDICTIONS}")


class Functions(Construct):
    """Every function of the deployment; a new one is a spec, and a line of permissions.

    Models share all of them but predict, which each has of its own.
    """

    def __init__(self, scope: Construct, id: str, room: Room, database: "Database") -> None:
        super().__init__(scope, id)
        self._room, self._database = room, database
        self._lake = room.addresses.bucket_arn("lake")
        self._releases = room.addresses.bucket_arn("releases")
        self._is_standby = room.addresses.deployment.takes_over is not None
        models = room.addresses.deployment.models
        self.predict = {model: self._predict(model) for model in models}
        self.train = self._train()
        self.evaluate = self._evaluate()
        self.control = self._control()
        self.collect_log = self._collect_log()
        self.migrate = self._migrate()
        self.ingest = self._ingest()
        self.webhooks = self._webhooks()
        self.relay = self._relay()
        self.drift = self._drift()
        self.batch = self._batch()

    def allow_training(self, to: iam.Role) -> None:
        """What training needs, in a Lambda or in a job."""
        allow_read(to, self._lake, names.RAW, names.FEATURES)
        allow_write(to, self._releases, "models")
        self._database.allow_signing_in(to, "train")

    def allow_looking(self, to: iam.Role, function: str) -> None:
        """What telling of data, releases and runs needs, as the database's user of a function."""
        allow_read(to, self._lake, names.RAW, names.FEATURES, names.PREDICTIONS)
        allow_read(to, self._releases, "models")
        self._database.allow_signing_in(to, function)

    def _predict(self, model: str) -> ImageFunction:
        sizes = self._room.addresses.deployment.sizes
        environment = {
            names.ENV_RELEASE_DIR: RELEASE_DIR,
            names.ENV_DATABASE_URL: self._database.reader_url(),
            names.ENV_DATABASE_AUTH: names.DATABASE_AUTH_IAM,
            names.ENV_PROBE: self._room.addresses.caller_arn(self, "probe"),
            **self._room.proofs.proving(),
        }
        spec = FunctionSpec(
            f"{PREDICT}-{model}",
            f"Answers predictions of {model}",
            sizes.predict_memory,
            10,
            concurrency=sizes.predict_concurrency,
            environment=environment,
        )
        function = ImageFunction(self, f"Predict-{model}", self._room, spec)
        self._database.allow_reading(function.role)
        self._room.proofs.allow_proving(function.role)
        return function

    def _train(self) -> ImageFunction:
        memory, places = self._room.addresses.deployment.sizes.train_memory, self.places("train")
        spec = FunctionSpec(
            "train", "Trains a release", memory, MINUTES_15, disk=4096, environment=places
        )
        function = ImageFunction(self, "Train", self._room, spec)
        self.allow_training(function.role)
        return function

    def _evaluate(self) -> ImageFunction:
        spec = FunctionSpec(
            "evaluate",
            "Judges a release against the champion",
            4096,
            MINUTES_15,
            disk=2048,
            environment=self.places("evaluate"),
        )
        function = ImageFunction(self, "Evaluate", self._room, spec)
        # Predictions, because the gate looks for training-serving skew.
        allow_read(function.role, self._lake, names.RAW, names.FEATURES, names.PREDICTIONS)
        allow_write(function.role, self._releases, "models")
        self._database.allow_signing_in(function.role, "evaluate")
        return function

    def _control(self) -> ImageFunction:
        spec = FunctionSpec(
            "control",
            "Opens, checks, promotes and closes for the state machines; measures",
            1024,
            MINUTES_15 if self._is_standby else 300,  # It may read the lake's tables whole.
            environment={**self.places("control"), **self._room.proofs.environment()},
        )
        function = ImageFunction(self, "Control", self._room, spec)
        self._room.proofs.allow_keeping(function.role)
        self._room.proofs.allow_proving(function.role)
        allow(
            function.role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            "Metrics have no ARN; the condition narrows it to Hindcast's own.",
            {"StringEquals": {"cloudwatch:namespace": names.METRICS}},
        )
        allow_read(function.role, self._lake, names.RAW, names.FEATURES)
        allow_write(function.role, self._lake, *COLLECTED)
        allow(
            function.role,
            ["s3:DeleteObject"],
            [f"{self._lake}/{names.FEATURES}/*"],
            "Files of features that no version needs, which the bucket keeps for 30 days more.",
        )
        allow_write(function.role, self._releases, "models")
        self._database.allow_signing_in(function.role, "control")
        if self._is_standby:
            allow_mending(function.role, self._lake)
        return function

    def _collect_log(self) -> ImageFunction:
        spec = FunctionSpec(
            "collect-log",
            "Moves logged predictions into the lake",
            1024,
            300,
            environment={names.ENV_LAKE: self._room.addresses.uri("lake")},
            concurrency=max(2, self._room.addresses.deployment.line_shards),  # One of each shard.
        )
        function = ImageFunction(self, "CollectLog", self._room, spec)
        allow_write(function.role, self._lake, *COLLECTED)
        return function

    def _migrate(self) -> ImageFunction:
        secret = self._database.instance.secret
        if secret is None:
            raise ValueError("the database has no administrator's secret")
        spec = FunctionSpec(
            "migrate",
            "Brings the database's schemas and users to what this version needs",
            1024,
            MINUTES_15,
            image="control",
            environment={
                names.ENV_DATABASE_URL: self._database.instance_url(),
                names.ENV_DATABASE_SECRET: secret.secret_arn,
                names.ENV_WORKER_SECRET: self._room.addresses.named("worker"),
            },
        )
        function = ImageFunction(self, "Migrate", self._room, spec)
        # Only here: the administrator's password, which RDS keeps, and the worker's to be set.
        allow(function.role, ["secretsmanager:GetSecretValue"], [secret.secret_arn])
        self._database.allow_working(function.role)
        return function

    def _ingest(self) -> ImageFunction:
        spec = FunctionSpec(
            "ingest",
            "Adds the files that come into the lake's bucket",
            4096,
            MINUTES_15,
            disk=10240,
            image="control",
            environment=self.places("ingest"),
            concurrency=2,  # Commits to one table wait for each other; more would only retry.
        )
        function = ImageFunction(self, "Ingest", self._room, spec)
        allow_read(function.role, self._lake, names.INCOMING)
        allow(
            function.role,
            ["s3:GetObjectVersion"],
            [f"{self._lake}/{names.INCOMING}/*"],
            "The files that came, whatever their names.",
        )
        allow_write(function.role, self._lake, names.RAW, names.QUARANTINE)
        self._database.allow_signing_in(function.role, "ingest")
        return function

    def _webhooks(self) -> ImageFunction:
        spec = FunctionSpec(
            "webhooks",
            "Posts signed events to subscribers; outside the network",
            512,
            30,
            image="control",
            environment={names.ENV_HOME: "/tmp/hindcast"},
            is_outside=True,
        )
        return ImageFunction(self, "Webhooks", self._room, spec)

    def _relay(self) -> ImageFunction:
        addresses, poster = self._room.addresses, self.webhooks.function
        bus, topics = addresses.bus_arn(self), [addresses.topic_arn(self)]
        topics.append(addresses.events_topic_arn(self))
        environment = {
            names.ENV_EVENT_BUS: bus,
            names.ENV_TOPIC_ARN: topics[0],
            names.ENV_EVENTS_TOPIC_ARN: topics[1],
            names.ENV_POSTER: poster.function_name,
        }
        spec = FunctionSpec(
            "relay",
            "Hands the outbox's events to the bus, the topics and the subscribers",
            1024,
            300,
            image="control",
            environment={**self.places("relay"), **environment},
        )
        function = ImageFunction(self, "Relay", self._room, spec)
        allow(function.role, ["events:PutEvents"], [bus])
        allow(function.role, ["sns:Publish"], topics)
        allow(function.role, ["lambda:InvokeFunction"], [poster.function_arn])
        allow(
            function.role,
            ["secretsmanager:GetSecretValue"],
            [addresses.subscription_secrets_arn(self)],
            "The secrets of this deployment's subscriptions, whatever their names.",
        )
        self._database.allow_signing_in(function.role, "relay")
        return function

    def _drift(self) -> ImageFunction:
        addresses = self._room.addresses
        deployment = addresses.deployment
        machines = addresses.machine_arn(self, f"{names.REBUILD}-")
        environment = {
            names.ENV_REBUILD_MACHINE: machines,
            names.ENV_REBUILD_INPUT: json.dumps(deployment.rebuilt()),
        }
        spec = FunctionSpec(
            "drift",
            "Holds what models are asked against what they learned; starts rebuilds",
            4096,
            MINUTES_15,
            disk=2048,
            environment={**self.places("drift"), **environment},
        )
        function = ImageFunction(self, "Drift", self._room, spec)
        self.allow_looking(function.role, "drift")
        pages = f"{self._lake}/{names.REPORTS}/drift/*"
        allow(function.role, ["s3:PutObject"], [pages], "The pages of checks, named by their runs.")
        started = [f"{machines}{model}" for model in deployment.models]
        allow(function.role, ["states:StartExecution"], started)
        return function

    def _batch(self) -> ImageFunction:
        spec = FunctionSpec(
            "batch",
            "Scores a batch as its YAML says",
            4096,
            MINUTES_15,
            disk=10240,
            environment=self.places("batch"),
        )
        function = ImageFunction(self, "Batch", self._room, spec)
        allow_read(function.role, self._lake, names.RAW, names.FEATURES, names.TO_SCORE)
        allow_batches(function.role, self._lake)
        allow_read(function.role, self._releases, "models")
        self._database.allow_signing_in(function.role, "batch")
        return function

    def places(self, function: str) -> dict[str, str]:
        """Where a function that works with the lake and the ledger finds them."""
        addresses = self._room.addresses
        places = {
            names.ENV_HOME: "/tmp/hindcast",  # Lambda's only writable folder.
            names.ENV_LAKE: addresses.uri("lake"),
            names.ENV_RELEASES: addresses.uri("releases", "models"),
            names.ENV_DATABASE_URL: self._database.function_url(function),
            names.ENV_DATABASE_AUTH: names.DATABASE_AUTH_IAM,
        }
        if addresses.deployment.project:
            places[names.ENV_PROJECT] = PROJECT_DIR
        return places
