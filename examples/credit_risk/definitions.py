"""The worked example: will a loan become 60 or more days overdue, and will it be repaid late?"""

from typing import Any

from hindcast.definitions import (
    Check,
    Derived,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    Gate,
    Label,
    Model,
    RequestSource,
    Source,
    days,
    latest,
    prior,
)

customer = Entity("customer", key="id")
branch = Entity("branch", key=["country", "branch_no"])

loans = Source(
    "loans",
    entities=[customer, branch],
    event_timestamp="loan_date",
    tiebreaker="loan_id",
    label="status",
    schema={
        "loan_id": "bigint",
        "id": "bigint",
        "country": "string",
        "branch_no": "bigint",
        "code_gender": "string",
        "flag_own_car": "string",
        "flag_own_realty": "string",
        "cnt_children": "bigint",
        "amt_income_total": "double",
        "name_income_type": "string",
        "name_education_type": "string",
        "name_family_status": "string",
        "name_housing_type": "string",
        "days_birth": "bigint",
        "days_employed": "bigint",
        "flag_mobil": "bigint",
        "flag_work_phone": "bigint",
        "flag_phone": "bigint",
        "flag_email": "bigint",
        "occupation_type": "string",
        "cnt_fam_members": "double",
        "status": "bigint",
        "birthday": "date",
        "job_start_date": "date",
        "loan_date": "date",
        "loan_amount": "decimal(18,6)",
    },
    checks=[
        Check("loan_amount > 0"),
        Check("status in (0, 1)"),
        Check("birthday < loan_date"),
        # Pensioners carry a sentinel that becomes a job start in the year 3021.
        Check("job_start_date <= loan_date", on_fail="null"),
        Check("amt_income_total > 0", on_fail="warn"),
    ],
    optional=["country", "branch_no"],
)

repayments = Source(
    "repayments",
    entity=customer,
    event_timestamp="paid_at",
    tiebreaker="payment_id",
    schema={
        "payment_id": "bigint",
        "loan_id": "bigint",
        "id": "bigint",
        "paid_at": "timestamp",
        "amount": "decimal(18,6)",
        "days_late": "bigint",
    },
    checks=[Check("amount > 0"), Check("days_late >= 0")],
)

# What became of a loan is reported weeks after it, at times months; of the newest it is missing.
outcomes = Source(
    "outcomes",
    entity=customer,
    event_timestamp="closed_on",
    tiebreaker="loan_id",
    recorded_at="recorded_at",
    schema={
        "loan_id": "bigint",
        "id": "bigint",
        "closed_on": "date",
        "late": "bigint",
        "recorded_at": "timestamp",
    },
    checks=[Check("late in (0, 1)")],
)

credit_history = FeatureView(
    "credit_history",
    source=loans,
    entity=customer,
    features=[
        Feature("nb_previous_loans", "count(*)", over=prior()),
        Feature("avg_amount_loans_previous", "avg(loan_amount)", over=prior()),
        Feature("max_amount_loans_previous", "max(loan_amount)", over=prior()),
        Feature("nb_loans_last_90_days", "count(*)", over=prior(days=90)),
        Feature("amount_last_90_days", "sum(loan_amount)", over=prior(days=90)),
        Feature("income", "amt_income_total", over=latest()),
        Feature("nb_children", "cnt_children", over=latest()),
        Feature("family_size", "cnt_fam_members", over=latest()),
        Feature("flag_own_car", "flag_own_car = 'Y'", over=latest()),
        Feature("flag_own_realty", "flag_own_realty = 'Y'", over=latest()),
        Feature("is_pensioner", "name_income_type = 'Pensioner'", over=latest()),
        Feature("has_higher_education", "name_education_type = 'Higher education'", over=latest()),
        Feature("has_work_phone", "flag_work_phone = 1", over=latest()),
        Feature("income_type", "name_income_type", over=latest()),
        Feature("age", "years_between(birthday, as_of)"),
        Feature("years_on_the_job", "years_between(job_start_date, as_of)"),
    ],
)

paying = FeatureView(
    "paying",
    source=repayments,
    ttl=days(3650),
    owner="risk",
    tags=["behaviour"],
    description="How a customer repays; what is ten years old is forgotten, as the law wants it.",
    features=[
        Feature("late_last_90_days", "count(*) filter (where days_late > 0)", over=prior(days=90)),
        Feature("late_share", "avg(case when days_late > 0 then 1.0 else 0.0 end)", over=prior()),
        Feature("worst_delay", "max(days_late)", over=prior(days=365)),
        Feature("paid_last_5", "sum(amount)", over=prior(last=5)),
        Feature("days_since_paid", "days_between(paid_at, as_of)"),
    ],
)

branch_book = FeatureView(
    "branch_book",
    source=loans,
    entity=branch,
    owner="risk",
    features=[
        Feature("branch_loans", "count(*)", over=prior(days=90)),
        Feature("branch_customers", "count(distinct id)", over=prior(days=30)),
        Feature("branch_average", "avg(loan_amount)", over=prior(days=90)),
    ],
)

# Sent with the question; in training, the loan's own amount.
application = RequestSource("application", {"loan_amount": "decimal(18,6)"})

scoring = FeatureService(
    "scoring",
    [
        credit_history[["nb_previous_loans", "avg_amount_loans_previous", "age"]],
        paying[...],
        branch_book[...],
        application[...],
        Derived("amount_to_average", "loan_amount / avg_amount_loans_previous"),
    ],
    owner="risk",
    description="What is known of an application: its customer, its branch and itself.",
)


def build(seed: int) -> Any:
    """Boosted trees: few, shallow, on a part of the rows and features each, as positives are rare.

    Nulls are imputed here, so that ONNX agrees.
    """
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    trees = GradientBoostingClassifier(
        n_estimators=60,
        max_depth=2,
        learning_rate=0.1,
        min_samples_leaf=50,
        subsample=0.3,
        max_features=0.5,
        random_state=seed,
    )
    return make_pipeline(SimpleImputer(strategy="median"), trees)


credit_risk = Model(
    "credit_risk",
    # income_type is for slices; the model reads numbers.
    features=credit_history[[f.name for f in credit_history.features if f.name != "income_type"]],
    label="loans.status",
    label_matures=days(60),
    estimator=build,
    slices=["income_type", "flag_own_realty"],
    gate=Gate(maximum={"calibration_error": 0.02}, slice_minimum={"roc_auc": 0.5}, latency_ms=5),
    seed=20210917,
    default=True,
)

late_payment = Model(
    "late_payment",
    features=scoring,
    spine=loans,
    label=Label("outcomes.late", on="loan_id", matures=days(60)),
    estimator=build,
    gate=Gate(latency_ms=5),
    seed=20210917,
)
