"""Names that the run time and the infrastructure share: tables, columns, environment variables."""

# Delta tables, as folders below the lake's root.
RAW = "raw"
QUARANTINE = "quarantine"
FEATURES = "features"
PREDICTIONS = "predictions"
# Chunks of batches that are under way, a folder each, below the lake's root.
BATCHES = "batches"
# Files that are put into a folder below this one of the lake's bucket are scored by the batch.yaml
# that is there; and where the answers of batches are.
TO_SCORE = "to-score"
SCORES = "scores"
# Pages of checks for drift, of each model a folder, below the lake's root.
REPORTS = "reports"

# Files that are put below this folder of the lake's bucket are ingested by themselves.
INCOMING = "incoming"

# Columns Hindcast adds to a raw table.
RECORDED_AT = "recorded_at"
INGESTED_AT = "_ingested_at"
FILE = "_file"
ROW = "_row"
# What tells an event of a source without a tiebreaker from others of its instant: a digest of it.
EVENT_DIGEST = "_event"
# Why a record withdraws its event; null in every other record.
RETRACTION = "_retraction"

# What lists of names are separated by; nobody may declare a name that has it.
SEPARATOR = "\x1f"

# What a caller's file is among the inputs of a training set.
SPINE = "spine"

# Columns Hindcast adds to feature rows and online tables.
EVENT_TIMESTAMP = "event_timestamp"
TIEBREAKER = "tiebreaker"
LABEL = "label"
RUN_ID = "run_id"
DEFINITION_HASH = "definition_hash"
FEATURES_AS_OF = "features_as_of"
MATERIALIZATION = "materialization"
AS_OF = "as_of"
KNOWN_BY = "known_by"
# Of an answer by several views: the instant of each, where FEATURES_AS_OF is the oldest of them.
FEATURES_AS_OF_BY_VIEW = "features_as_of_by_view"
# Of an online answer: the views that have no row for the question, by commas.
UNSEEN = "_unseen"
# Whether an entity has an event before the instant.
HAS_HISTORY = "_has_history"

# The log line of an online answer: its message, and what came of the question.
PREDICTION_MESSAGE = "prediction"
# Of an answer to the rebuild machine, which nothing collects.
SYNTHETIC_MESSAGE = "synthetic"
PREDICTED = "predicted"
SCORED = "scored"
FALLBACK = "fallback"
UNKNOWN = "unknown"
REFUSED = "refused"
UNAVAILABLE = "unavailable"
FAILED = "failed"

# The schema of the online store in Postgres, its table of versions, and that of services.
ONLINE_SCHEMA = "hindcast"
ONLINE_VERSIONS = "online_versions"
ONLINE_SERVICES = "online_services"
IDENTIFIER_BYTES = 63  # Of a name in Postgres, which cuts off what is longer.
# Of a view's name in the names of its relations: a Postgres name has 63 bytes, and the definition's
# hash and a run's id must fit beside it whole.
VIEW_NAME_BYTES = 28

# The schema of the ledger in Postgres, and the role whose members may read and add to it.
LEDGER_SCHEMA = "ledger"
LEDGER_WRITER = "hindcast_writer"

# The stage variables that name a model's predict Lambda, and its version, in the integration's
# address. A rebuild changes the version.
FUNCTION_VARIABLE = "predictFunction"
STAGE_VARIABLE = "predictVersion"
# A canary's own stage variable: the instant from which it answers nothing, unless it is put off.
CANARY_UNTIL_VARIABLE = "canaryUntil"
# What a rebuild is asked to roll out where it is only to end what another left.
NOTHING = "nothing"
# The kind of run that a state machine keeps open in the ledger, and how one ends that leaves its
# version of predict on the stage.
REBUILD = "rebuild"
PROMOTED = "promoted"
RESTORED = "restored"
# The kind of run that removes what is not kept: its parameters name the files.
VACUUM = "vacuum"

# Environment variables read by hindcast.settings.
ENV_HOME = "HINDCAST_HOME"
ENV_PROJECT = "HINDCAST_PROJECT"
ENV_LAKE = "HINDCAST_LAKE"
ENV_RELEASES = "HINDCAST_RELEASES"
ENV_DATABASE_URL = "HINDCAST_DATABASE_URL"
ENV_RELEASE_DIR = "HINDCAST_RELEASE_DIR"
# Where heads of the ledger's chain are kept, outside the database.
ENV_LEDGER_HEADS = "HINDCAST_LEDGER_HEADS"
# The secret with the keys that prediction lines are tagged by.
ENV_LINE_KEYS = "HINDCAST_LINE_KEYS"
# The topic that people read; the bus and the topic that systems get events from.
ENV_TOPIC_ARN = "HINDCAST_TOPIC_ARN"
ENV_EVENT_BUS = "HINDCAST_EVENT_BUS"
ENV_EVENTS_TOPIC_ARN = "HINDCAST_EVENTS_TOPIC_ARN"
# Of the control API: what the ARNs of the deployment's state machines begin with, and JSON of
# patterns of callers' ARNs -> viewer, operator or approver.
ENV_MACHINES = "HINDCAST_MACHINES"
ENV_ROLES = "HINDCAST_ROLES"
# Of predict: what the ARN of a caller begins with whose questions are the deployment's own.
ENV_PROBE = "HINDCAST_PROBE"
# Of a process that does a job: the id of its run, and who asked for it.
ENV_RUN_ID = "HINDCAST_RUN_ID"
ENV_BY = "HINDCAST_BY"
# The function that posts webhooks, as nothing else leaves the network; and what the names of the
# secrets that they are signed with begin with, before the deployment's name.
ENV_POSTER = "HINDCAST_POSTER"
SUBSCRIPTION_SECRETS = "hindcast-subscriptions"

# Of the function that looks for drift: what the ARN of each model's rebuild machine begins with,
# before the model's name, and what a rebuild is started with, as JSON.
ENV_REBUILD_MACHINE = "HINDCAST_REBUILD_MACHINE"
ENV_REBUILD_INPUT = "HINDCAST_REBUILD_INPUT"

# How a database is opened whose URL has no password: AUTH "iam" signs a token for the URL's user,
# anew for each connection; SECRET names one with username and password, and host, port and dbname
# where no URL is given.
ENV_DATABASE_AUTH = "HINDCAST_DATABASE_AUTH"
ENV_DATABASE_SECRET = "HINDCAST_DATABASE_SECRET"
DATABASE_AUTH_IAM = "iam"

# Of migrations: the secret of the worker, the user that they create.
ENV_WORKER_SECRET = "HINDCAST_WORKER_SECRET"

# The database on AWS; predict reads its online store as the one user, Glue loads it as the other.
DATABASE_NAME = "hindcast"
DATABASE_READER = "hindcast_reader"
DATABASE_WORKER = "hindcast_worker"
# Functions that work with the ledger, each as a user of its own.
DATABASE_FUNCTIONS = (
    "batch",
    "control",
    "control-api",
    "drift",
    "evaluate",
    "ingest",
    "relay",
    "train",
)

# CloudWatch metrics that alarms watch: their namespace, those about data and models, and whose
# they are: dimensions with the value of ENV_DEPLOYMENT, as one account may have several, and with
# the name of the view or model.
ENV_DEPLOYMENT = "HINDCAST_DEPLOYMENT"
METRICS = "Hindcast"
METRIC_DIMENSION = "deployment"
METRIC_VIEW = "view"
METRIC_MODEL = "model"
METRIC_SERVICE, PREDICT_SERVICE = "service", "hindcast-predict"
METRIC_FEATURE_AGE = "FeatureAgeHours"
METRIC_MODEL_AGE = "ModelAgeDays"
METRIC_DRIFT = "Drift"
METRIC_WARMUP = "WarmupFailures"
METRIC_PROBE = "ProbeFailures"
# Lines of answers: those that predict wrote, and those that were not in the lake and now are.
METRIC_LOGGED, METRIC_COLLECTED = "LoggedLines", "CollectedLines"
METRIC_UNKNOWN_IDS = "UnknownIdErrors"
# How much of what is kept is not as it was written: of the ledger and the releases together.
METRIC_DAMAGE, METRIC_PART, ALL_PARTS = "Damage", "part", "all"
METRIC_COMPACTION = "CompactionFailures"


def database_user(function: str) -> str:
    """The database's user that a function of DATABASE_FUNCTIONS signs in as."""
    return f"hindcast_{function.replace('-', '_')}"


def array_columns(name: str, size: int) -> tuple[str, ...]:
    """The columns that a model reads a feature as; size: of an array, else 0."""
    return tuple(f"{name}_{place}" for place in range(size)) if size else (name,)


def online_relation(view: str, definition_hash: str) -> str:
    """The relation in the online schema that answers for one version of a feature view.

    The hash is of the view's name too, so that names that begin alike do not collide.
    """
    stem = view.encode()[:VIEW_NAME_BYTES].decode(errors="ignore")
    return f"{stem}__{definition_hash}"


def made_relation(relation: str) -> str:
    """The relation beside an online one whose only row says how that one's rows were made."""
    return f"{relation}_made"


def input_column(column: str) -> str:
    """The feature-row column that holds the latest known value of a source column."""
    return f"_{column}"


def aggregate_column(function: str, number: int) -> str:
    """The feature-row column that holds an aggregate which request-time features read."""
    return f"__{function}_{number}"
