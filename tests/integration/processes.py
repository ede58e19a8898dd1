"""Commands in processes of their own: `hindcast serve` and whoever asks it over HTTP."""

import http.client
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from hindcast import names
from tests.integration.hindsight import CUSTOMERS, Home


@dataclass
class Service:
    """`hindcast serve` on a free port; what it answered, by status and release."""

    process: subprocess.Popen[str]
    connection: http.client.HTTPConnection
    log: Path

    def ask(self, count: int) -> Counter[tuple[int, str | None]]:
        """Ask about customers in turn; how often each release answered with each status."""
        found: Counter[tuple[int, str | None]] = Counter()
        for number in range(count):
            body = json.dumps({"id": CUSTOMERS[number % len(CUSTOMERS)]})
            self.connection.request("POST", "/predict", body)
            response = self.connection.getresponse()
            found[response.status, json.loads(response.read()).get("release")] += 1
        return found

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def counted(self, metric: str) -> dict[str, int]:
        """A metric of the log by release."""
        found: Counter[str] = Counter()
        for line in self.lines():
            if metric in line:
                found[line["release"]] += int(sum(line[metric]))
        return dict(found)


def environment(home: Home) -> dict[str, str]:
    """Where a command finds this home's database and definitions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HINDCAST_")}
    return {
        **kept,
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_PROJECT: str(home.definitions.parent),
        names.ENV_HOME: str(home.folder),
    }


def start(
    home: Home, *arguments: str, log: Path | None = None, more: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    with (log or Path(os.devnull)).open("w") as stream:
        return subprocess.Popen(
            [sys.executable, "-m", "hindcast", *arguments],
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            env={**environment(home), **(more or {})},
        )


@contextmanager
def serving(
    home: Home, more: Mapping[str, str] | None = None, *arguments: str
) -> Iterator[Service]:
    log = home.folder / "serve.log"
    process = start(home, "serve", "--port", "0", *arguments, log=log, more=more)
    assert process.stderr is not None
    with process, process.stderr:
        said = process.stderr.readline()
        assert " on http" in said, said
        connection = http.client.HTTPConnection(said.rpartition("//")[2].strip())
        yield Service(process, connection, log)
        connection.close()
        process.terminate()


def deployed(cloud: Mapping[str, str], release: str) -> str:
    """A REST API with a stage whose variable names this release; the API's id."""
    gateway = boto3.client(
        "apigateway",
        region_name=cloud["AWS_REGION"],
        endpoint_url=cloud["AWS_ENDPOINT_URL"],
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    api = gateway.create_rest_api(name="test")["id"]
    [root] = gateway.get_resources(restApiId=api)["items"]
    place = {"restApiId": api, "resourceId": root["id"], "httpMethod": "GET"}
    gateway.put_method(**place, authorizationType="NONE")
    gateway.put_integration(**place, type="MOCK")
    variables = {"predictVersion": release}
    gateway.create_deployment(restApiId=api, stageName="credit_risk", variables=variables)
    return str(api)
