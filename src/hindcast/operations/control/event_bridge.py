"""When jobs start by themselves, on AWS: the schedules that the deployment declares."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hindcast.operations.control.documents import ScheduleDocument
from hindcast.operations.control.schedules import require_cron
from hindcast.serving.requests import RequestError
from hindcast.stores import aws

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


class EventBridgeSchedules:
    """Changes schedules; they are made and removed by the deployment. prefix: of their names."""

    def __init__(self, prefix: str, region: str | None) -> None:
        self._prefix = prefix
        self._client = aws.client("scheduler", region)

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

        parameters: where there are any, in place of what it is started with. Raises RequestError.
        """
        require_cron(cron)
        expression = f"cron({aws_cron(cron)})"
        with aws.one_error("EventBridge Scheduler"):
            try:
                found = self._found(f"{self._prefix}{job}")
            except self._client.exceptions.ResourceNotFoundException:
                message = f"the deployment declares no schedule '{job}'"
                raise RequestError(404, "job", message) from None
            kept = {name: found[name] for name in _KEPT if name in found}
            if parameters:
                kept["Target"] = {**kept["Target"], "Input": json.dumps(dict(parameters))}
            changed = {"ScheduleExpression": expression, "State": _state(paused)}
            self._client.update_schedule(Name=found["Name"], **kept, **changed)
        return _document(job, {**found, **kept, **changed}, by)

    def _found(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get_schedule(Name=name)
        return found

    def _job(self, name: str) -> str:
        return name.removeprefix(self._prefix)


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
