"""What a deployment costs a month at three sizes: `make costs` prints the tables of the docs.

Every formula is the docstring of the function that computes it. Free tiers that end are left out.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields

from infra.config import Deployment
from infra.prices import PRICES
from infra.scenarios import (
    ALARM_METRICS,
    ALARM_METRICS_MODEL,
    ALARM_METRICS_VIEW,
    DAYS,
    DPUS,
    ENDPOINTS,
    HOURS,
    METHOD_METRICS,
    METHODS,
    MILLION,
    REPLICATED,
    REPLICATION_METRICS,
    SCENARIOS,
    SECRETS,
    SHARED_REPOSITORIES,
    VCPUS,
    WAF_RULES,
    Scenario,
    Usage,
)

Cost = Callable[[Scenario], float]


def endpoints(of: Scenario) -> float:
    """endpoints x zones x 730 h x endpoint_hour + GB x endpoint_gb"""
    hourly = ENDPOINTS * len(of.deployment.zones) * HOURS * usd("endpoint_hour")
    return hourly + of.usage.endpoint_gb * usd("endpoint_gb")


def database(of: Scenario) -> float:
    """(730 h x database_class + GB x database_gb) x 2 with a standby"""
    instance = HOURS * usd(f"database_{of.sizes.database_class}")
    copies = 2 if of.sizes.database_standby else 1
    return copies * (instance + of.sizes.database_storage * usd("database_gb"))


def backups(of: Scenario) -> float:
    """(GB changed a day x days kept - GB of the database) x backup_gb"""
    kept = of.usage.change_gb * (35 if of.deployment.protected else 7)
    return max(0.0, kept - of.sizes.database_storage) * usd("backup_gb")


def proxy(of: Scenario) -> float:
    """vCPUs of the database, two at least x 730 h x proxy_vcpu_hour"""
    return max(2, VCPUS[of.sizes.database_class]) * HOURS * usd("proxy_vcpu_hour")


def gateway(of: Scenario) -> float:
    """million requests x api_requests + GB out x out_gb"""
    gigabytes = of.requests * MILLION * of.usage.answer_bytes / 1e9
    return of.requests * usd("api_requests") + gigabytes * usd("out_gb")


def firewall(of: Scenario) -> float:
    """waf_acl + rules x waf_rule + million requests x waf_requests"""
    return usd("waf_acl") + WAF_RULES * usd("waf_rule") + of.requests * usd("waf_requests")


def predict(of: Scenario) -> float:
    """million requests x lambda_requests + requests x s x GB x lambda_gb_second"""
    seconds = of.requests * MILLION * of.usage.billed_ms / 1000
    return of.requests * usd("lambda_requests") + _seconds(seconds, of.sizes.predict_memory)


def warmup(of: Scenario) -> float:
    """43,800 min / minutes x (1 s x 1/4 GB + pings x warm_ms x GB) x lambda_gb_second"""
    if not of.deployment.warmup.minutes:
        return 0.0
    calls = HOURS * 60 / of.deployment.warmup.minutes
    pings = calls * of.models * of.deployment.warmup.concurrent
    compute = _seconds(calls, 256)
    compute += _seconds(pings * of.usage.warm_ms / 1000, of.sizes.predict_memory)
    return compute + (calls + pings) * usd("lambda_requests") / MILLION


def stream(of: Scenario) -> float:
    """shards x 730 h x shard_hour + million requests / lines_per_record x stream_records"""
    records = of.requests / of.usage.lines_per_record
    return of.deployment.line_shards * HOURS * usd("shard_hour") + records * usd("stream_records")


def collect(of: Scenario) -> float:
    """requests / lines_per_collect x (lambda_requests / 10^6 + s x 1 GB x lambda_gb_second)"""
    calls = of.requests * MILLION / of.usage.lines_per_collect
    compute = _seconds(calls * of.usage.collect_seconds, 1024)
    return calls * usd("lambda_requests") / MILLION + compute


def training(of: Scenario) -> float:
    """models x rebuilds x (train_minutes x GB or training_hour + evaluate_minutes x 4 GB)"""
    minutes = of.usage.train_minutes
    if of.deployment.training.path == "job":
        train = minutes / 60 * usd("training_hour")
    else:
        train = _seconds(minutes * 60, of.sizes.train_memory)
    return of.models * of.usage.rebuilds * (train + _seconds(of.usage.evaluate_minutes * 60, 4096))


def features(of: Scenario) -> float:
    """(refreshes + models x rebuilds) x refresh_minutes / 60 x workers x DPUs x glue_dpu_hour"""
    runs = of.usage.refreshes + of.models * of.usage.rebuilds
    dpus = of.sizes.glue_workers * DPUS[of.sizes.glue_worker]
    return runs * of.usage.refresh_minutes / 60 * dpus * usd("glue_dpu_hour")


def machines(of: Scenario) -> float:
    """(8 refreshes + models x (182 + rebuilds x (64 + 6 x looks x steps))) x transitions / 10^6"""
    canary = of.deployment.canary
    rebuild = 64 + 6 * canary.looks * len(canary.steps)
    drift = 182  # A month of daily checks, of six transitions each.
    count = of.usage.refreshes * 8 + of.models * (drift + of.usage.rebuilds * rebuild)
    return count * usd("transitions") / MILLION


def logs(of: Scenario) -> float:
    """GB x log_gb + GB x log_days / 30.4 x 0.2 (they are kept compressed) x log_month_gb"""
    own = of.requests * MILLION * of.usage.log_bytes / 1e9
    taken = own + of.usage.other_logs_gb
    kept = taken * of.deployment.log_days / DAYS * 0.2
    return taken * usd("log_gb") + kept * usd("log_month_gb")


def metrics(of: Scenario) -> float:
    """models x ((methods x 5 + own metrics) x metric + composite_alarm) + metrics x alarm_metric"""
    count = of.models * (METHODS * METHOD_METRICS + of.usage.own_metrics)
    over_others = of.models * usd("composite_alarm")
    looked_at = alarm_metrics(of.deployment) * usd("alarm_metric")
    return count * usd("metric") + over_others + looked_at


def alarm_metrics(of: Deployment) -> int:
    """What its alarms read: of each model, view, expectation and probe, and what they share."""
    by_name = ALARM_METRICS_MODEL * len(of.models) + ALARM_METRICS_VIEW * len(of.views)
    watched = sum(map(len, (of.watching.traffic, of.watching.probes)))
    probed, replicated = bool(of.watching.probes), REPLICATED if of.recovery else 0
    return ALARM_METRICS + by_name + watched + probed + replicated


def traces(of: Scenario) -> float:
    """(requests up to one a second + 5 % of the others - 100,000) x traces / 10^6"""
    asked = of.requests * MILLION
    first = min(asked, HOURS * 3600)
    recorded = first + 0.05 * (asked - first)
    return max(0.0, recorded - 100_000) * usd("traces") / MILLION


def secrets(of: Scenario) -> float:
    """2 keys x key + requests to KMS x key_requests / 10^6 + secrets x secret"""
    asked = of.usage.key_requests * usd("key_requests") / MILLION
    return 2 * usd("key") + asked + SECRETS * usd("secret")


def storage(of: Scenario) -> float:
    """lake GB x s3_gb + writes x s3_writes / 10^6 + (7 + models) x images GB x image_gb"""
    lake = of.usage.lake_gb * usd("s3_gb") + of.usage.lake_writes * usd("s3_writes") / MILLION
    return lake + (SHARED_REPOSITORIES + of.models) * of.usage.images_gb * usd("image_gb")


def second_region(of: Scenario) -> float:
    """copies of lake, images and backups + GB x (region_gb + in_time_gb) + key, checks, metrics"""
    if not of.deployment.recovery:
        return 0.0
    moved = of.usage.replicated_gb * (usd("region_gb") + usd("in_time_gb"))
    moved += of.usage.lake_writes * usd("s3_writes") / MILLION
    # Of backups none is free there; each day's changes are kept as long as here.
    kept = of.sizes.database_storage + of.usage.change_gb * 35
    backups_there = kept * usd("backup_gb") + of.usage.change_gb * DAYS * usd("region_gb")
    stored = of.usage.lake_gb * usd("s3_gb")
    stored += (SHARED_REPOSITORIES + of.models) * of.usage.images_gb * usd("image_gb")
    watched = REPLICATED * (REPLICATION_METRICS * usd("metric") + usd("alarm_metric"))
    watched += (of.models + 1) * usd("health_check")
    return moved + backups_there + stored + watched + usd("key") + usd("secret")


def pipeline(of: Scenario) -> float:
    """pushes x minutes x (build_minute + pipeline_minute) - 100 free x pipeline_minute"""
    minutes = of.usage.pushes * of.usage.push_minutes
    return minutes * usd("build_minute") + max(0.0, minutes - 100) * usd("pipeline_minute")


LINES: tuple[tuple[str, Cost], ...] = (
    ("VPC interface endpoints", endpoints),
    ("RDS instance and storage", database),
    ("RDS backups", backups),
    ("RDS Proxy", proxy),
    ("API Gateway", gateway),
    ("WAF", firewall),
    ("Lambda: predict", predict),
    ("Lambda: warm-up", warmup),
    ("Kinesis: lines of answers", stream),
    ("Lambda: collect-log", collect),
    ("Training and evaluation", training),
    ("Glue", features),
    ("Step Functions", machines),
    ("CloudWatch logs", logs),
    ("CloudWatch metrics, alarms", metrics),
    ("X-Ray", traces),
    ("KMS, Secrets Manager", secrets),
    ("S3, ECR", storage),
    ("Second region", second_region),
    ("CodePipeline, CodeBuild", pipeline),
)


def usd(name: str) -> float:
    """A price by its name; raises KeyError for one that is not in the table."""
    return PRICES[name].usd


def total(of: Scenario) -> float:
    """All lines of a size, in USD a month."""
    return sum(cost(of) for _, cost in LINES)


def report() -> str:
    """The tables of docs/operations.md: costs with formulas, what they assume, and prices."""
    return "\n\n".join("\n".join(table) for table in (_costs(), _assumed(), _prices())) + "\n"


def _seconds(seconds: float, megabytes: int) -> float:
    return seconds * megabytes / 1024 * usd("lambda_gb_second")


def _costs() -> Iterator[str]:
    yield from _head("USD a month", [one.name for one in SCENARIOS], "formula")
    for name, cost in LINES:
        yield _row(name, [_dollars(cost(one)) for one in SCENARIOS], f"`{cost.__doc__}`")
    yield _row("**Total**", [f"**{_dollars(total(one))}**" for one in SCENARIOS], "")
    more = [total(one.with_another_model()) - total(one) for one in SCENARIOS]
    yield _row("Each model more", [_dollars(one) for one in more], "for no request more")


def _assumed() -> Iterator[str]:
    yield from _head("Assumed", [one.name for one in SCENARIOS], "what it is")
    yield _row("deployment", [one.about for one in SCENARIOS], "sizes")
    for field in fields(Usage):
        numbers = [_number(getattr(one.usage, field.name)) for one in SCENARIOS]
        yield _row(f"`{field.name}`", numbers, field.metadata["means"])


def _prices() -> Iterator[str]:
    yield from _head("Price", ["USD"], "for a", "from")
    for name, price in PRICES.items():
        amount = f"{price.usd:.10f}".rstrip("0").rstrip(".")
        yield _row(f"`{name}`", [amount], price.unit, price.source)


def _head(first: str, numbers: Sequence[str], *texts: str) -> Iterator[str]:
    yield _row(first, numbers, *texts)
    yield _row("---", ["---:"] * len(numbers), *["---"] * len(texts))


def _row(first: str, numbers: Sequence[str], *texts: str) -> str:
    return f"| {' | '.join([first, *numbers, *texts])} |"


def _dollars(amount: float) -> str:
    return "<1" if amount < 0.5 else f"{amount:,.0f}"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


if __name__ == "__main__":
    sys.stdout.write(report())
