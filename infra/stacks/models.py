"""Models: functions that train, judge, promote and predict, and the builder of their images."""

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
        self, scope: Construct, addresses: Addresses, network: Network, data: DataStack
    ) -> None:
        super().__init__(scope, "models", addresses)
        version = self.version()
        room = Room(
            addresses=addresses,
            network=network,
            group=fixed(self, "Group", network.functions),
            images=data.images.of,
            key=data.key,
            version=version,
        )
        self.functions = Functions(self, "Functions", room, data.database)
        self.training_job = TrainingJob(self, "TrainingJob", addresses, data.key.key_arn)
        self.functions.allow_training(self.training_job.role)
        self.release_image = ReleaseImage(self, "ReleaseImage", addresses, data.key, version)
        PredictionLog(
            self,
            "PredictionLog",
            addresses,
            self.functions.predict,
            self.functions.collect_log,
            data.key,
        )
        Incoming(self, "Incoming", addresses, self.functions.ingest, data.key)
