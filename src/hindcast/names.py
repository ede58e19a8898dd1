"""Names that the run time and the infrastructure share: tables, columns, environment variables."""

# Delta tables, as folders below the lake's root.
RAW = "raw"
QUARANTINE = "quarantine"
FEATURES = "features"
PREDICTIONS = "predictions"

# Columns Hindcast adds to a raw table.
RECORDED_AT = "recorded_at"
INGESTED_AT = "_ingested_at"
FILE = "_file"
ROW = "_row"

# Columns Hindcast adds to feature rows and online tables.
EVENT_TIMESTAMP = "event_timestamp"
TIEBREAKER = "tiebreaker"
LABEL = "label"
RUN_ID = "run_id"
DEFINITION_HASH = "definition_hash"
FEATURES_AS_OF = "features_as_of"
MATERIALIZATION = "materialization"
AS_OF = "as_of"

# The log line of an online answer: its message, and what came of the question.
PREDICTION_MESSAGE = "prediction"
PREDICTED = "predicted"
SCORED = "scored"
UNKNOWN = "unknown"
REFUSED = "refused"
UNAVAILABLE = "unavailable"
FAILED = "failed"

# The schema of the online store in Postgres, and its table of versions.
ONLINE_SCHEMA = "hindcast"
ONLINE_VERSIONS = "online_versions"

# The schema of the ledger in Postgres, and the role whose members may read and add to it.
LEDGER_SCHEMA = "ledger"
LEDGER_WRITER = "hindcast_writer"

# Environment variables read by hindcast.settings.
ENV_HOME = "HINDCAST_HOME"
ENV_PROJECT = "HINDCAST_PROJECT"
ENV_LAKE = "HINDCAST_LAKE"
ENV_RELEASES = "HINDCAST_RELEASES"
ENV_DATABASE_URL = "HINDCAST_DATABASE_URL"
ENV_RELEASE_DIR = "HINDCAST_RELEASE_DIR"
ENV_TOPIC_ARN = "HINDCAST_TOPIC_ARN"


def input_column(column: str) -> str:
    """The feature-row column that holds the latest known value of a source column."""
    return f"_{column}"
