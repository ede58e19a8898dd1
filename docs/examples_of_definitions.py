"""The examples of docs/definitions.md, in its order; each may use those before it."""

INTRODUCTION = """\
# Definitions

A project is a folder with a `definitions.py`. This page is made by `make docs` from the code. The
examples of classes are one project, which a test loads. What is wrong in a definition is one line,
which `hindcast validate` says."""

# Class -> how it is written.
CLASSES = {
    "Entity": """
from hindcast.definitions import (
    Check,
    Csv,
    Derived,
    Drift,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    Freshness,
    Gate,
    JsonLines,
    Label,
    Model,
    Parquet,
    RequestSource,
    Retention,
    Source,
    Split,
    days,
    hours,
    latest,
    prior,
)

shopper = Entity("shopper", key="shopper_id")
shop = Entity("shop", key=["country", "shop_no"])
""",
    "Check": """
positive = Check("amount > 0")
plausible = Check("year(born) >= 1900", on_fail="null")
""",
    "Csv": """
semicolons = Csv(delimiter=";", decimal=",", dates="%d.%m.%Y", nulls=["n/a"])
""",
    "JsonLines": """
nested = JsonLines(paths={"amount": "payment.amount"}, epoch="ms")
""",
    "Parquet": """
columnar = Parquet()
""",
    "Source": """
purchases = Source(
    "purchases",
    entities=[shopper, shop],
    event_timestamp="bought_at",
    tiebreaker="purchase_id",
    schema={
        "purchase_id": "bigint",
        "shopper_id": "string",
        "country": "string",
        "shop_no": "bigint",
        "bought_at": "timestamp",
        "born": "date",
        "amount": "decimal(18,2)",
        "taste": "double[8]",
    },
    checks=[positive, plausible],
    optional=["born"],
    format=semicolons,
)
returns = Source(
    "returns",
    entity=shopper,
    event_timestamp="returned_at",
    tiebreaker="purchase_id",
    schema={
        "purchase_id": "bigint",
        "shopper_id": "string",
        "returned_at": "timestamp",
        "is_returned": "boolean",
    },
)
""",
    "Feature": """
spent = Feature("spent_last_30_days", "sum(amount)", over=prior(days=30))
age = Feature("age", "years_between(born, as_of)")
taste = Feature("taste", "taste", over=latest())
""",
    "FeatureView": """
spending = FeatureView(
    "spending",
    source=purchases,
    entity=shopper,
    features=[spent, age, taste],
    ttl=days(365),
    refreshed="daily 02:00",
    owner="marketing",
)
""",
    "RequestSource": """
basket = RequestSource("basket", {"amount": "decimal(18,2)"})
""",
    "Derived": """
share = Derived("amount_to_spent", "amount / nullif(spent_last_30_days, 0)")
""",
    "FeatureService": """
checkout = FeatureService("checkout", [spending[["spent_last_30_days"]], basket[...], share])
""",
    "Label": """
returned = Label("returns.is_returned", on="purchase_id", matures=days(30))
left = Label("closures.is_closed", on={"client": "account_owner"})
""",
    "Split": """
by_time = Split(holdout=0.2, group=None)
""",
    "Drift": """
watched = Drift(window=days(1), least_rows=1_000, cool_down=days(14))
""",
    "Gate": """
gate = Gate(minimum={"roc_auc": 0.7}, maximum={"brier": 0.2})
""",
    "Freshness": """
or_zero = Freshness(hours(48), fallback=0)
""",
    "Retention": """
kept = Retention(predictions=days(730))
""",
    "Model": """
def build(seed):
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(random_state=seed)


will_return = Model(
    "will_return",
    features=checkout,
    spine=purchases,
    label=returned,
    task="binary",
    split=by_time,
    gate=gate,
    estimator=build,
)
""",
}

WINDOWS = (
    ("prior()", "all before the row"),
    ("prior(days=90)", "those of the last 90 days"),
    ("prior(hours=6)", "those of the last 6 hours"),
    ("prior(minutes=15)", "those of the last 15 minutes"),
    ("prior(last=5)", "the newest 5"),
    ("prior(days=30, ending=days(30))", "those from 60 to 30 days before, for a trend"),
    ("latest()", "the newest one with a value; no aggregate"),
)
LENGTHS = (
    ("days(60)", "60 times 24 hours"),
    ("hours(24)", "24 hours"),
    ("minutes(5)", "5 minutes"),
)

ARRAYS = """\
`double[n]` is an array of n doubles, such as an embedding; n is from 1 to 4096. A feature of it is
the column alone, over `latest()`; expressions ask only whether it `is null`. A model reads `taste`
as the columns `taste_0`, `taste_1`, ..., all of them null where it is, and so does a training set;
everywhere else, in answers and the prediction log too, it is one list."""

EXPRESSIONS = (
    ("coalesce(a, b)", "the first that is not null"),
    ("nullif(a, b)", "a; null where it equals b"),
    ("abs(amount)", "the amount without its sign"),
    ("greatest(a, b)", "the greater one"),
    ("least(a, b)", "the lesser one"),
    ("case when a > 0 then b else c end", "the value of the first condition that is true"),
    ("cast(a as bigint)", "the value as another type; null where it does not fit"),
    ("+ - * /", "arithmetic; null where the divisor is 0"),
    ("= <> < <= > >=", "comparisons; null where either side is null"),
    ("a in (1, 2)", "whether it is one of them"),
    ("a between 1 and 2", "whether it is from 1 to 2, both included"),
    ("a like 'b%'", "whether it begins so; % is any text, _ any one character"),
    ("a is null", "whether it has no value; also: is not null"),
    ("a and b, a or b, not a", "logic, null as in SQL"),
)
