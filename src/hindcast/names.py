"""Names that the run time and the infrastructure share: tables, columns, environment variables."""

# Delta tables, as folders below the lake's root.
RAW = "raw"
QUARANTINE = "quarantine"
FEATURES = "features"

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

# The schema of the online store in Postgres, and its table of versions.
ONLINE_SCHEMA = "hindcast"
ONLINE_VERSIONS = "online_versions"

# Environment variables read by hindcast.settings.
ENV_HOME = "HINDCAST_HOME"
ENV_PROJECT = "HINDCAST_PROJECT"
ENV_LAKE = "HINDCAST_LAKE"
ENV_RELEASES = "HINDCAST_RELEASES"
ENV_DATABASE_URL = "HINDCAST_DATABASE_URL"
ENV_RELEASE_DIR = "HINDCAST_RELEASE_DIR"


def input_column(column: str) -> str:
    """The feature-row column that holds the latest known value of a source column."""
    return f"_{column}"
