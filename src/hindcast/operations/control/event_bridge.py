"""When jobs start by themselves, on AWS: the deployment's schedules, and those made beside them."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from hindcast.operations.control.documents import ScheduleDocument
from hindcast.operations.control.jobs import command_of
from hindcast.operations.control.machines import machine_of
from hindcast.operations.control.schedules import require_cron
from hindcast.serving.requests import RequestError
from hindcast.stores import aws

Check = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
# What update_schedule takes of what get_schedule gives: all else would be reset.
_KEPT = (
    "GroupName",
    "Target",
    "FlexibleTimeWindow",
    "ScheduleExpressionTimezone",
    "KmsKeyArn",
    "Description",
    "StartDate",
    "EndDate",
    "ActionAfterCompletion",
)
_CRON = re.compile(r"cron\((.*)\)")


# The deployment has it, whatever else it has: others are made like it.
_LIKE = "refresh"


class EventBridgeSchedules:
    """Changes the deployment's schedules, and makes others of jobs, which it knows nothing of.

    machines: what the ARNs of its machines begin with. check: the parameters of a schedule's job,
    complete, or RequestError.
    """

    def __init__(self, machines: str, check: Check) -> None:
        self._machines, self._check = machines, check
        self._prefix = machines.rpartition(":")[2]
        self._client = aws.client("scheduler", aws.region_of(machines))

    def all(self, now: datetime) -> list[ScheduleDocument]:
        """Every schedule of the deployment, by name; when it is due next, AWS does not say."""
        with aws.one_error("EventBridge Scheduler"):
            pages = self._client.get_paginator("list_schedules").paginate(NamePrefix=self._prefix)
            found = [each["Name"] for page in pages for each in page["Schedules"]]
            return [_document(self._job(name), self._found(name)) for name in sorted(found)]

    def put(
        self, job: str, cron: str, paused: bool, parameters: Mapping[str, Any], by: str
    ) -> ScheduleDocument:
        """Start a job by a cron expression of the deployment's time zone, or pause it.

        parameters: where there are any, in place of what it is started with. What the deployment
        does not declare is named as a job, such as train.nightly. Raises RequestError.
        """
        require_cron(cron)
        told = {"ScheduleExpression": f"cron({aws_cron(cron)})", "State": _state(paused)}
        name = f"{self._prefix}{job}"
        with aws.one_error("EventBridge Scheduler"):
            try:
                found = _kept(self._found(name), parameters)
            except self._client.exceptions.ResourceNotFoundException:
                found = self._made(job, parameters)
                self._client.create_schedule(Name=name, **found, **told)
            else:
                self._client.update_schedule(Name=name, **found, **told)
        return _document(job, {**found, **told}, by)

    def _made(self, job: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """A schedule of a job, by the role, key and time zone of the deployment's own."""
        given = self._check(job, parameters)
        arn = f"{self._machines}{machine_of(command_of(job), given)}"
        like = _kept(self._found(f"{self._prefix}{_LIKE}"), {**given, "by": f"schedule {job}"})
        return {**like, "Target": {**like["Target"], "Arn": arn}, "Description": f"Starts {job}"}

    def _found(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get_schedule(Name=name)
        return found

    def _job(self, name: str) -> str:
        return name.removeprefix(self._prefix)


def _kept(found: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule is, started with parameters where there are any."""
    kept = {name: found[name] for name in _KEPT if name in found}
    if parameters:
        kept["Target"] = {**kept["Target"], "Input": json.dumps(dict(parameters))}
    return kept


def aws_cron(cron: str) -> str:
    """A cron expression of five fields as EventBridge's six; raises RequestError.

    One of its days of the month and of the week is a question mark; its weeks begin with day 1.
    """
    minute, hour, day, month, weekday = cron.split()
    if day != "*" and weekday != "*":
        message = "names days of the month and of the week; EventBridge takes only one of them"
        raise RequestError(422, "cron", message)
    if weekday == "*":
        return f"{minute} {hour} {day} {month} ? *"
    return f"{minute} {hour} ? {month} {_weekdays(weekday)} *"


def _weekdays(field: str) -> str:
    """Days of a week that begins with Sunday, 0 or 7, as of one that begins with Sunday, 1."""
    listed, slash, step = field.partition("/")
    return re.sub(r"\d+", lambda found: str(int(found[0]) % 7 + 1), listed) + slash + step


def _document(job: str, found: Mapping[str, Any], by: str | None = None) -> ScheduleDocument:
    expression: str = found["ScheduleExpression"]
    return ScheduleDocument(
        job=job,
        cron=_CRON.sub(r"\1", expression),
        paused=found["State"] == _state(True),
        parameters=json.loads(found["Target"].get("Input") or "{}"),
        by=by,
        next_at=None,
    )


def _state(paused: bool) -> str:
    return "DISABLED" if paused else "ENABLED"
