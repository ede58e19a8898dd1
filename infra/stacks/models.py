"""Models: functions that train, judge, promote and predict, and the builders of their images."""

from aws_cdk import aws_ecr as ecr
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.builds import ReleaseImage
from infra.constructs.image_function import Room
from infra.constructs.incoming import Incoming
from infra.constructs.models import Functions
from infra.constructs.network import Network, fixed
from infra.constructs.prediction_log import PredictionLog
from infra.constructs.training_job import TrainingJob
from infra.stacks.base import DeploymentStack
from infra.stacks.data import DataStack


class ModelsStack(DeploymentStack):
    """Training, evaluation, control and prediction, all from images."""

    def __init__(
        self,
        scope: Construct,
        addresses: Addresses,
        network: Network,
        data: DataStack,
        keeps_training_log: bool,
    ) -> None:
        super().__init__(scope, "models", addresses)
        version = self.version()
        # By their names: a model may go, and an export cannot while another stack reads it.
        images = {
            name: ecr.Repository.from_repository_name(self, f"Image-{name}", addresses.named(name))
            for name, _ in addresses.deployment.repositories
        }
        self.room = Room(
            addresses=addresses,
            network=network,
            group=fixed(self, "Group", network.functions),
            images=images,
            key=data.key,
            version=version,
            proofs=data.proofs,
        )
        self.functions = Functions(self, "Functions", self.room, data.database)
        self.training_job = TrainingJob(
            self, "TrainingJob", addresses, data.key, keeps_training_log
        )
        self.functions.allow_training(self.training_job.role)
        for model in addresses.deployment.models:
            ReleaseImage(self, f"ReleaseImage-{model}", addresses, model, data.key, version)
        PredictionLog(
            self,
            "PredictionLog",
            addresses,
            self.functions.predict,
            self.functions.collect_log,
            data.key,
        )
        Incoming(self, "Incoming", addresses, self.functions.ingest, data.key)
