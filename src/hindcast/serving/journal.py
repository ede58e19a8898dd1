"""The service's log: one line per answer, and failures without anyone's id."""

import json
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from hindcast import names
from hindcast.errors import UnloggedError
from hindcast.serving.line_tags import TAG, LineKeys
from hindcast.serving.rarely import Rarely

# CloudWatch takes 256 KB an event, 26 bytes of its own among them, and cuts what is longer.
MAX_LINE_BYTES = 256 * 1024 - 256
_MAX_ID = 1000

_told = Rarely()

# One encoder for all lines: json.dumps with options makes a new one each time.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Formatter(LambdaPowertoolsFormatter):
    """Powertools' format, with a short way for lines that are all fields and no exception.

    A prediction line costs as much as the prediction when it takes the long way. keys: of the tags
    of prediction lines; without them lines are untagged.
    """

    keys: LineKeys | None = None

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
        text = self._text(line)
        # The encoder writes ASCII: characters are bytes.
        return text if len(text) <= MAX_LINE_BYTES else self._text(_shortened(line))

    def _text(self, line: Mapping[str, Any]) -> str:
        """The line with its tag; features, which are most of it, are written once for both."""
        features = None if line["features"] is None else _encode(line["features"])
        tagged = {TAG: self.keys.tag({**line, "features": features})} if self.keys else {}
        items = list(line.items())
        place = list(line).index("features")
        before, after = (
            _encode(dict(items[:place])),
            _encode({**dict(items[place + 1 :]), **tagged}),
        )
        return f'{before[:-1]},"features":{features or "null"},{after[1:]}'


class Output(logging.StreamHandler[IO[str]]):
    """Standard output. Only the line of an answer may fail: what else is lost is told rarely."""

    def handleError(self, record: logging.LogRecord) -> None:
        """What happens to an error of writing, instead of a traceback each time."""
        error = sys.exception()
        if hasattr(record, "fields") or not isinstance(error, OSError):
            raise
        unwritten("the log", error)


def unwritten(what: str, error: OSError) -> None:
    """Say once a minute on standard error, as the log is no place, what cannot be written."""
    if _told.is_due(what):
        with suppress(OSError):
            sys.stderr.write(f"hindcast: {what} cannot be written: {error.strerror}\n")
            sys.stderr.flush()


def _shortened(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line without what can be of any length: text that callers send to be scored.

    Stored features are some dozens of bytes each. A line whole but unable to be recomputed, and
    saying so, is worth more than one cut off in the middle.
    """
    gone: dict[str, Any] = {"features": None, "request": None}
    if len(_encode(line["id"])) > _MAX_ID:
        gone["id"] = None
    return {**line, **gone, "shortened": True}


def logger(service: str) -> Logger:
    """A Powertools logger of this service, in UTC."""
    formatter = Formatter(utc=True, use_rfc3339=True)
    return Logger(service=service, logger_handler=Output(sys.stdout), logger_formatter=formatter)


def sign(log: Logger, keys: LineKeys | None) -> None:
    """Tag prediction lines by these keys from now on, or no more."""
    formatter = log.registered_handler.formatter
    assert isinstance(formatter, Formatter), "the logger is one of ours"
    formatter.keys = keys


def answered(
    log: Logger, fields: Mapping[str, Any], message: str = names.PREDICTION_MESSAGE
) -> None:
    """Write the line of one answer, also where the log level would leave it out: it is data.

    Raises UnloggedError. The line may be there later all the same, of an answer nobody got.
    """
    record = logging.LogRecord(log.name, logging.INFO, "", 0, message, None, None)
    record.fields = fields
    try:
        log.registered_handler.handle(record)
    except OSError as error:
        unwritten("the log of answers", error)
        raise UnloggedError(f"the log cannot be written: {error.strerror}") from error
