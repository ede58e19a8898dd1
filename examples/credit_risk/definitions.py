"""The worked example: will a loan become 60 or more days overdue?"""

from typing import Any

from hindcast.definitions import (
    Check,
    Entity,
    Feature,
    FeatureView,
    Gate,
    Model,
    Source,
    days,
    latest,
    prior,
)

customer = Entity("customer", key="id")

loans = Source(
    "loans",
    entity=customer,
    event_timestamp="loan_date",
    tiebreaker="loan_id",
    label="status",
    schema={
        "loan_id": "bigint",
        "id": "bigint",
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
)

credit_history = FeatureView(
    "credit_history",
    source=loans,
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
)
