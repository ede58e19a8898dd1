"""Jobs: a state machine for each that one function does, in the one shape they share."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.machine import Machine
from infra.constructs.training_job import allow_training_jobs
from infra.permissions import allow

if TYPE_CHECKING:
    from infra.constructs.image_function import ImageFunction
    from infra.stacks.data import DataStack
    from infra.stacks.models import ModelsStack


JOBS = ("ingest", "train", "evaluate", "drift")


def machine_arns(scope: Construct, addresses: Addresses) -> list[str]:
    """The machines that jobs are executions of, whatever construct makes them."""
    rebuilds = (f"{names.REBUILD}-{model}" for model in addresses.deployment.models)
    return [addresses.machine_arn(scope, each) for each in ("refresh", "batch", *JOBS, *rebuilds)]


class Jobs(Construct):
    """The machines of step_functions/{ingest,train,evaluate,drift}.asl.json, and what they may do.

    The control API and schedules start them; each ends its job in the ledger.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        data: "DataStack",
        models: "ModelsStack",
    ) -> None:
        super().__init__(scope, id)
        self._addresses, self._data, self._models = addresses, data, models
        functions = models.functions
        made = (
            self._machine("ingest", {"Ingest": functions.ingest}),
            self._machine("evaluate", {"Evaluate": functions.evaluate}),
            self._machine("drift", {"Drift": functions.drift}),
            self._train(),
        )
        self.machines: Mapping[str, sfn.StateMachine] = {each.name: each.machine for each in made}

    def _machine(
        self,
        name: str,
        functions: "Mapping[str, ImageFunction]",
        values: Mapping[str, str] | None = None,
    ) -> Machine:
        """A machine that invokes functions, each by its name in the definition, and control."""
        invoked = {**functions, "Control": self._models.functions.control}
        arns = {f"{each}FunctionArn": one.function.function_arn for each, one in invoked.items()}
        values, key = {**arns, **(values or {})}, self._data.key
        machine = Machine(self, name.capitalize(), self._addresses, name, name, values, key)
        allow(machine.role, ["lambda:InvokeFunction"], [*arns.values()])
        return machine

    def _train(self) -> Machine:
        """Training may be too big for its function: then it is a SageMaker job, as in a rebuild."""
        functions, job = self._models.functions, self._models.training_job
        prefix = f"{self._addresses.named('train')}--"
        training = self._addresses.deployment.training
        values = {
            "TrainPath": training.path,
            "TrainJobPrefix": prefix,
            "TrainJobInstanceType": training.job_instance,
            "TrainJobOutputUri": job.output,
            "TrainJobRoleArn": job.role.role_arn,
            "KeyArn": self._data.key.key_arn,
        }
        invoked = {"Train": functions.train, "Evaluate": functions.evaluate}
        machine = self._machine("train", invoked, values)
        allow(machine.role, ["lambda:GetFunction"], [functions.train.function.function_arn])
        allow_training_jobs(machine.role, prefix, job.role.role_arn)
        return machine
