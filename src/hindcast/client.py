"""A typed client of the predict and the control API; the standard library alone.

client = Client("http://127.0.0.1:8080", token="...")
client.predict({"id": 7}).prediction
client.wait(client.start("train", model="risk")).outputs
"""

import json
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

Question = Mapping[str, Any]
# method, URL, body -> headers that prove who asks, such as AWS Signature Version 4's.
Sign = Callable[[str, str, bytes | None], Mapping[str, str]]

OPEN = frozenset({"queued", "running", "unfinished"})


class RefusedError(Exception):
    """Raised when an API does not do what it was asked; status: HTTP's, 0 without an answer.

    field: of what was sent, what is wrong; None where it is nothing in particular.
    """

    def __init__(self, status: int, field: str | None, message: str) -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.status = status
        self.field = field
        self.message = message


@dataclass(frozen=True)
class ClientAnswer:
    """A prediction, with what it is replayed by.

    probability, probabilities, interval: what the model's task has of these. keys: as they were
    asked. features_as_of: None where the values were sent; of several views the oldest, and
    features_as_of_by_view has each.
    """

    prediction: int | float | str
    release: str
    prediction_id: str
    keys: Mapping[str, Any]
    features_as_of: datetime | None = None
    probability: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    interval: tuple[float, float] | None = None
    unseen: tuple[str, ...] = ()
    features_as_of_by_view: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Features:
    """Feature values by name, and as of when they are; unseen: views without a row.

    features_as_of: of several views the oldest, and features_as_of_by_view has each.
    """

    values: Mapping[str, Any]
    features_as_of: datetime
    materialization: str | None
    unseen: tuple[str, ...] = ()
    features_as_of_by_view: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class ClientRun:
    """A run as the ledger has it; document: all that the API says of it."""

    id: str
    kind: str
    status: str
    error: str | None
    outputs: Mapping[str, Any]
    document: Mapping[str, Any]

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN


class Client:
    """One address that the APIs answer at; every method raises RefusedError.

    token: of `hindcast serve --admin`. sign: for AWS. timeout: seconds for each request.
    """

    def __init__(
        self, url: str, token: str | None = None, sign: Sign | None = None, timeout: float = 30
    ) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._sign = sign
        self._timeout = timeout

    def predict(self, question: Question, model: str | None = None) -> ClientAnswer:
        """The prediction for keys and request values; by default the default model's."""
        return _answered(self._post(_of_model(model, "/predict"), question), question)

    def predict_many(
        self, questions: Sequence[Question], model: str | None = None
    ) -> list[ClientAnswer | RefusedError]:
        """Predictions in the order of the questions, refusals in their places."""
        body = {"instances": [dict(each) for each in questions]}
        found = self._post(_of_model(model, "/predict/batch"), body)["predictions"]
        return [_item(said, asked) for said, asked in zip(found, questions, strict=True)]

    def score(self, features: Mapping[str, Any], model: str | None = None) -> ClientAnswer:
        """The prediction for feature values that are sent."""
        return _answered(self._post(_of_model(model, "/score"), {"features": dict(features)}), {})

    def features(self, question: Question, service: str | None = None) -> Features:
        """The features of a service now; without one, what the default model would be given."""
        path = f"/services/{quote(service, safe='')}/features" if service else "/features"
        found = self._post(path, question)  # A URL is in logs, where no key should be.
        return Features(
            found["features"],
            datetime.fromisoformat(found["features_as_of"]),
            found["materialization"],
            tuple(found.get("unseen", ())),
            _by_view(found),
        )

    def start(self, job: str, idempotency_key: str | None = None, **parameters: Any) -> ClientRun:
        """Start a job, such as "train"; with the same key again it is the same run.

        The request is safe to repeat: without a key, one is made for this call.
        """
        key = {"Idempotency-Key": idempotency_key or uuid.uuid4().hex}
        given = {name: _plain(value) for name, value in parameters.items() if value is not None}
        return _run(self._post(f"/jobs/{quote(job, safe='')}", given, key))

    def run(self, run: str) -> ClientRun:
        """A run as it stands."""
        return _run(self._get(f"/runs/{quote(run, safe='')}"))

    def runs(self, kind: str | None = None, status: str | None = None) -> Iterator[ClientRun]:
        """Every run, the newest first, read page by page."""
        return map(_run, self._pages("/runs", "runs", {"kind": kind, "status": status}))

    def wait(self, run: ClientRun, seconds: float = 3600, every: float = 1) -> ClientRun:
        """The run when it has ended; raises TimeoutError when it has not by then."""
        deadline = time.monotonic() + seconds
        while (found := self.run(run.id)).is_open:
            if time.monotonic() + every > deadline:
                raise TimeoutError(f"run {run.id} is still {found.status} after {seconds:g} s")
            time.sleep(every)
        return found

    def retry(self, run: str) -> ClientRun:
        """Start what a run did again, as a run of its own."""
        return _run(self._post(f"/runs/{quote(run, safe='')}/retry", {}, _key()))

    def cancel(self, run: str) -> ClientRun:
        """Stop a run."""
        return _run(self._post(f"/runs/{quote(run, safe='')}/cancel", {}, _key()))

    def releases(self, model: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Every release, the newest first, read page by page."""
        return self._pages("/releases", "releases", {"model": model})

    def promote(self, release: str, reason: str | None = None) -> Mapping[str, Any]:
        """Put a release into production; reason: why, although its gate refused it."""
        body = {} if reason is None else {"reason": reason}
        return self._post(f"/releases/{quote(release, safe='')}/promote", body, _key())

    def roll_back(self, model: str) -> Mapping[str, Any]:
        """Put the release before into production again."""
        return self._post(f"/models/{quote(model, safe='')}/rollback", {}, _key())

    def status(self) -> Mapping[str, Any]:
        """How the models and the feature views stand."""
        return self._get("/status")

    def _pages(
        self, path: str, name: str, given: Mapping[str, str | None]
    ) -> Iterator[Mapping[str, Any]]:
        asked = {key: value for key, value in given.items() if value is not None}
        while True:
            page = self._get(path, asked)
            yield from page[name]
            if page.get("next") is None:
                return
            asked["cursor"] = page["next"]

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path, None, {})

    def _post(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return self._ask("POST", path, json.dumps(body).encode(), headers or {})

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> dict[str, Any]:
        request = urllib.request.Request(self._url + path, body, dict(headers), method=method)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        if self._sign:
            for name, value in self._sign(method, request.full_url, body).items():
                request.add_header(name, value)
        return _sent(request, self._timeout)


def _sent(request: urllib.request.Request, timeout: float) -> dict[str, Any]:
    """The JSON document of an answer; raises RefusedError."""
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            document: dict[str, Any] = json.load(response)
            return document
    except urllib.error.HTTPError as error:
        raise _refused(error.code, error.read()) from error
    except urllib.error.URLError as error:
        raise RefusedError(0, None, f"{request.host} does not answer: {error.reason}") from error
    except (TimeoutError, ConnectionError) as error:
        raise RefusedError(0, None, f"{request.host} does not answer: {error}") from error
    except ValueError as error:
        raise RefusedError(0, None, f"{request.full_url} did not answer with JSON") from error


def _refused(status: int, body: bytes) -> RefusedError:
    """What a refusal says; API Gateway's own have a message alone, or no JSON at all."""
    try:
        said = json.loads(body)
        found = said.get("error", said)
        return RefusedError(status, found.get("field"), found["message"])
    except (ValueError, KeyError, AttributeError, TypeError):
        return RefusedError(status, None, f"HTTP {status}: {body[:200].decode(errors='replace')}")


def _answered(said: Mapping[str, Any], asked: Question) -> ClientAnswer:
    as_of, interval = said.get("features_as_of"), said.get("interval")
    return ClientAnswer(
        prediction=said["prediction"],
        release=said["release"],
        prediction_id=said["prediction_id"],
        keys={name: said[name] for name in asked if name in said},
        features_as_of=datetime.fromisoformat(as_of) if as_of else None,
        probability=said.get("probability"),
        probabilities=said.get("probabilities", {}),
        interval=(interval[0], interval[1]) if interval else None,
        unseen=tuple(said.get("unseen", ())),
        features_as_of_by_view=_by_view(said),
    )


def _by_view(said: Mapping[str, Any]) -> dict[str, datetime]:
    by_view: Mapping[str, str] = said.get("features_as_of_by_view", {})
    return {view: datetime.fromisoformat(instant) for view, instant in by_view.items()}


def _item(said: Mapping[str, Any], asked: Question) -> ClientAnswer | RefusedError:
    if "error" in said:
        return RefusedError(422, said["error"]["field"], said["error"]["message"])
    return _answered(said, asked)


def _run(said: Mapping[str, Any]) -> ClientRun:
    return ClientRun(
        said["id"], said["kind"], said["status"], said.get("error"), said.get("outputs") or {}, said
    )


def _of_model(model: str | None, path: str) -> str:
    return f"/models/{quote(model, safe='')}{path}" if model else path


def _key() -> dict[str, str]:
    return {"Idempotency-Key": uuid.uuid4().hex}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
