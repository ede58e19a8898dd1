"""The warm Lambda: keeps those versions of predict warm that each model's stage names.

The template holds this file whole: the standard library and boto3, and at most 4,096 characters.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

# Each ping keeps its environment busy that long, so that pings of one time need one each.
HOLD_SECONDS = 0.5
CONFIG = Config(read_timeout=15, retries={"total_max_attempts": 2}, max_pool_connections=100)


def handler(event: dict[str, Any], context: Any) -> dict[str, dict[str, int]]:
    """{"deployment", "api", "models", "concurrent"} -> model -> version -> how many answered.

    Raises RuntimeError naming the models that failed, after all were tried.
    """
    warmed, failed = {}, {}
    for model in event["models"]:
        try:
            warmed[model] = _warm(event["api"], model, event["concurrent"])
        except (BotoCoreError, ClientError, RuntimeError) as error:
            failed[model] = str(error)
        _measure(event["deployment"], model, model in failed)
    sys.stdout.write(json.dumps({"warmed": warmed, "failed": failed}) + "\n")
    if failed:
        raise RuntimeError(f"not warmed: {json.dumps(failed)}")
    return warmed


def _measure(deployment: str, model: str, failed: bool) -> None:
    """Write the metric that an alarm watches, also for where none comes."""
    metric = {
        "Namespace": "Hindcast",
        "Dimensions": [["deployment", "model"]],
        "Metrics": [{"Name": "WarmupFailures"}],
    }
    said = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [metric]}
    named = {"deployment": deployment, "model": model, "WarmupFailures": int(failed)}
    sys.stdout.write(json.dumps({"_aws": said, **named}) + "\n")


def _warm(api: str, model: str, concurrent: int) -> dict[str, int]:
    """Ping the versions that a stage names now, whatever was promoted since the last time."""
    stage = boto3.client("apigateway", config=CONFIG).get_stage(restApiId=api, stageName=model)
    functions = boto3.client("lambda", config=CONFIG)
    function = stage["variables"]["predictFunction"]
    return {
        version: _ping(functions, function, version, concurrent)
        for version in _versions(stage)
        if not _is_provisioned(functions, function, version)
    }


def _versions(stage: Mapping[str, Any]) -> Iterator[str]:
    """The version that serves, and a canary's where there is one."""
    serving: str = stage["variables"]["predictVersion"]
    yield serving
    overrides = stage.get("canarySettings", {}).get("stageVariableOverrides", {})
    canary = overrides.get("predictVersion", serving)
    if canary != serving:
        yield canary


def _is_provisioned(functions: Any, function: str, version: str) -> bool:
    """Whether AWS keeps environments of a version ready by itself."""
    try:
        functions.get_provisioned_concurrency_config(FunctionName=function, Qualifier=version)
    except functions.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return False
    return True


def _ping(functions: Any, function: str, version: str, concurrent: int) -> int:
    """How many of so many concurrent warm-ups were answered; the others found no room."""
    hold = HOLD_SECONDS if concurrent > 1 else 0
    payload = json.dumps({"warmup": True, "hold_seconds": hold})

    def answers(_: int) -> bool:
        try:
            answer = functions.invoke(FunctionName=f"{function}:{version}", Payload=payload)
        except functions.exceptions.TooManyRequestsException:
            return False  # Every environment that there may be is busy, and so warm.
        if "FunctionError" in answer:
            raise RuntimeError(f"version {version} of {function} failed: see its log")
        return True

    with ThreadPoolExecutor(concurrent) as pool:
        return sum(pool.map(answers, range(concurrent)))
