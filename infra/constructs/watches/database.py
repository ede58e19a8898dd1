"""Of Postgres and of the proxy before it."""

from infra.choices import DATABASE_MEMORY
from infra.config import Deployment
from infra.constructs.metrics import Metrics
from infra.constructs.watches.watch import Watch

GB = 2**30
# RDS lets Postgres take a connection for so many bytes of the class's memory, and so many at most.
BYTES_A_CONNECTION, MOST_CONNECTIONS = 9_531_392, 5_000
# What the proxy calls the instance behind it.
WRITER = {"TargetGroup": "default", "TargetRole": "READ_WRITE"}


def watches(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    """Of the instance, and of its proxy."""
    return [*_instance(deployment, metrics), *_proxy(deployment, metrics)]


def _instance(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    limits, sizes = deployment.thresholds, deployment.sizes
    memory = DATABASE_MEMORY[sizes.database_class] * GB
    most = min(memory / BYTES_A_CONNECTION, MOST_CONNECTIONS)
    free = limits.database_free_percent / 100
    connections = metrics.database("DatabaseConnections", "Maximum")
    storage = metrics.database("FreeStorageSpace", "Minimum")
    # RDS adds storage by itself below a tenth, up to four times what there was: this is after that.
    full = (free * sizes.database_storage * GB, "Postgres's storage is full", 30, 30)
    return [
        Watch(
            "database-cpu",
            metrics.database("CPUUtilization", "Average"),
            limits.database_cpu_percent,
            "Postgres is busy",
            10,
            15,
        ),
        Watch(
            "database-memory",
            metrics.database("FreeableMemory", "Average"),
            free * memory,
            "Postgres has hardly any memory left",
            10,
            15,
            is_below=True,
        ),
        Watch("database-storage", storage, *full, is_below=True),
        Watch(
            "database-connections",
            connections,
            int(most * limits.database_connections_percent / 100),
            "Postgres has hardly any connection left",
        ),
    ]


def _proxy(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    limits, sizes = deployment.thresholds, deployment.sizes
    pinned = metrics.proxy("DatabaseConnectionsCurrentlySessionPinned")
    # One of each environment, and of those that were frozen within half an hour.
    clients = 2 * sizes.predict_concurrency * len(deployment.models)
    borrow = metrics.proxy("DatabaseConnectionsBorrowLatency", "Average")
    wait = "Predict waits for the proxy's connections"
    return [
        Watch(
            "pinned-connections",
            pinned,
            limits.pinned_connections,
            "Sessions keep the proxy's connections to themselves",
        ),
        Watch(
            "proxy-unavailable",
            metrics.proxy("AvailabilityPercentage", "Average", WRITER),
            99,
            "The proxy does not reach Postgres",
            is_below=True,
        ),
        Watch(
            "proxy-clients",
            metrics.proxy("ClientConnections"),
            clients,
            "The proxy has more clients than predict has environments",
        ),
        Watch("proxy-borrow-latency", borrow, limits.borrow_latency_ms * 1000, wait),
    ]
