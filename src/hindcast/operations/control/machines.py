"""Jobs on AWS: executions of state machines, which end them in the ledger themselves."""

import json
from collections.abc import Mapping
from typing import Any

from hindcast import names
from hindcast.errors import InputError
from hindcast.operations.control.jobs import Observed
from hindcast.serving.requests import RequestError
from hindcast.stores import aws
from hindcast.stores.ledger import Ending, Job, Ledger
from hindcast.stores.ledger.jobs import STATE_MACHINES

# Commands whose machine has another name; that of rebuild has its model's after it.
_MACHINES = {"materialize": "refresh"}
_ENDINGS: dict[str, Ending] = {
    "SUCCEEDED": "succeeded",
    "FAILED": "failed",
    "TIMED_OUT": "failed",
    "ABORTED": "interrupted",
}
_HISTORY = 20  # The newest events of an execution, among which is the state that it is in.


class StateMachines:
    """Does jobs as executions of one deployment's state machines.

    The run's id is the machine's name, a dot, and the execution's name: Step Functions joins a
    second start of one name. prefix: of the ARNs of the deployment's machines.
    """

    name = STATE_MACHINES

    def __init__(self, prefix: str, ledger: Ledger) -> None:
        self._prefix, self._ledger = prefix, ledger
        self._client = aws.client("stepfunctions", aws.region_of(prefix))

    def run_id(self, command: str, parameters: Mapping[str, Any], unique: str) -> str:
        """The id of a job's run; raises InputError for a rebuild of no model, and RequestError."""
        return f"{machine_of(command, parameters)}.{unique}"

    def submit(self, job: Job) -> None:
        """Start the execution of a job; one that was started already is joined."""
        machine, execution = _names(job.id)
        given = {**job.parameters, "by": job.by}
        try:
            with aws.one_error(f"state machine {machine}"):
                self._start(machine, execution, json.dumps(given))
        except InputError as error:
            self._ledger.jobs.end(job.id, "failed", str(error))
            raise
        self._ledger.jobs.start(job.id)

    def cancel(self, job: Job, reason: str) -> None:
        """Stop the execution of a job."""
        self._ledger.jobs.end(job.id, "cancelled", reason)
        with aws.one_error(f"run {job.id}"):
            self._client.stop_execution(executionArn=self._arn(job.id), cause=reason)

    def observe(self, job: Job) -> Observed:
        """The state that an execution is in; records the end of one that has ended."""
        with aws.one_error(f"run {job.id}"):
            arn = self._arn(job.id)
            found = self._client.describe_execution(executionArn=arn)
            ending = _ENDINGS.get(found["status"])
            if ending is None:
                return Observed(progress=self._state(arn))
        self._ledger.jobs.end(job.id, ending, None if ending == "succeeded" else _reason(found))
        return Observed()

    def _start(self, machine: str, execution: str, given: str) -> None:
        try:
            self._client.start_execution(
                stateMachineArn=f"{self._prefix}{machine}", name=execution, input=given
            )
        except self._client.exceptions.ExecutionAlreadyExists:
            return  # By an earlier call of the same key.

    def _state(self, arn: str) -> str | None:
        events = self._client.get_execution_history(
            executionArn=arn, reverseOrder=True, maxResults=_HISTORY
        )["events"]
        states = (each.get("stateEnteredEventDetails", {}).get("name") for each in events)
        return next((state for state in states if state), None)

    def _arn(self, run_id: str) -> str:
        machine, execution = _names(run_id)
        arn = f"{self._prefix}{machine}:{execution}"
        return arn.replace(":stateMachine:", ":execution:", 1)


def machine_of(command: str, parameters: Mapping[str, Any]) -> str:
    """The machine that does a job; raises InputError for a rebuild of no model, and RequestError.

    A RequestError names what a home can do and these machines cannot.
    """
    _require_possible(command, parameters)
    if command == names.REBUILD:
        if not parameters.get("model"):
            raise InputError("name the model: each has a state machine of its own")
        return f"{command}-{parameters['model']}"
    return _MACHINES.get(command, command)


def _require_possible(command: str, parameters: Mapping[str, Any]) -> None:
    if parameters.get("engine") == "spark" and command not in _MACHINES:
        message = "on AWS Spark computes features and batches; leave it out"
        raise RequestError(422, "engine", message)
    if local := [file for file in parameters.get("files", ()) if not file.startswith("s3://")]:
        raise RequestError(422, "files", f"{local[0]}: is no object on S3, s3://BUCKET/KEY")


def _names(run_id: str) -> tuple[str, str]:
    """The machine and the execution of a run."""
    machine, _, execution = run_id.rpartition(".")
    return machine, execution


def _reason(found: Mapping[str, Any]) -> str:
    """Why an execution failed, on one line."""
    parts = [found["status"], found.get("error"), *(found.get("cause") or "").splitlines()[:1]]
    return ": ".join(part for part in parts if part)
