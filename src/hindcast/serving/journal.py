"""The service's log: one line per prediction, and failures without anyone's id."""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

# One encoder for all lines: json.dumps with options makes a new one each time.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' format, with a short way for lines that are all fields and no exception.

    A prediction line costs as much as the prediction when it takes the long way.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one JSON document."""
        fields = getattr(record, "fields", None)
        if fields is None:
            return super().format(record)
        written = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"level": record.levelname, "message": record.msg, "timestamp": written}
        for key, value in self.log_format.items():
            # What is set already has a template here, such as %(asctime)s.
            if value is not None and key not in line and key != "location":
                line[key] = value
        line.update(fields)
        return _encode(line)


def logger(service: str) -> Logger:
    """A Powertools logger of this service, in UTC."""
    formatter = Formatter(utc=True, use_rfc3339=True)
    return Logger(service=service, logger_formatter=formatter)


def predicted(log: Logger, fields: Mapping[str, Any]) -> None:
    """Write the line of one prediction."""
    log.info("prediction", extra={"fields": fields})
