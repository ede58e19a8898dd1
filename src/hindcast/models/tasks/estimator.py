"""A user's estimator: whatever it raises ends in one line that says what it could not do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from hindcast.definitions import Model
from hindcast.errors import TrainingError, first_line
from hindcast.models.tasks.base import Labels, Reals


def make(model: Model) -> Any:
    """The declared estimator, unfitted, on one thread; raises TrainingError for no such one."""
    with _says("the function that makes the estimator failed"):
        estimator = model.estimator(model.seed)
    if isinstance(estimator, type):
        raise TrainingError(f"the estimator is the class {estimator.__name__}; return one of it")
    _require_kind(model, estimator)
    with _says(f"{_name(estimator)} is no scikit-learn estimator"):
        parameters = estimator.get_params()
        jobs = [name for name in parameters if name.endswith("n_jobs") and parameters[name]]
        return estimator.set_params(**dict.fromkeys(jobs, 1))


def _require_kind(model: Model, estimator: Any) -> None:
    """Raise TrainingError for a regressor where a classifier is needed, and the other way round."""
    if model.task != "regression":
        if not hasattr(estimator, "predict_proba"):
            raise TrainingError(
                f"{_name(estimator)} gives no probabilities; use a classifier with predict_proba"
            )
    elif hasattr(estimator, "predict_proba") or not hasattr(estimator, "predict"):
        raise TrainingError(f"{_name(estimator)} estimates no numbers; use a regressor")


def fitted(model: Model, frame: Any, labels: Labels) -> Any:
    """The declared estimator, fitted on a DataFrame.

    Raises TrainingError with the estimator's own reason, and what may mend it.
    """
    estimator = make(model)
    try:
        return estimator.fit(frame, labels)
    except Exception as error:
        reason = first_line(error).rstrip(".")
        raise TrainingError(
            f"{_name(estimator)} could not be fitted: {reason}{_advice(reason, frame)}"
        ) from error


def probabilities(classifier: Any, frame: Any, classes: int) -> Reals:
    """Probabilities, [rows, classes]; raises TrainingError where the classifier gives none.

    A class that it was not fitted on has none.
    """
    with _says(f"{_name(classifier)} could not give probabilities"):
        found = np.asarray(classifier.predict_proba(frame), np.float64)
        known = np.asarray(getattr(classifier, "classes_", np.arange(classes)), np.int64)
    if found.shape != (len(frame), len(known)):
        raise TrainingError(
            f"{_name(classifier)} gives probabilities of shape {found.shape}, not of {classes} "
            "labels"
        )
    _require_finite(classifier, found, "probabilities")
    whole = np.zeros((len(frame), classes))
    whole[:, known] = found
    return whole


def estimates(regressor: Any, frame: Any) -> Reals:
    """Estimated numbers, [rows]; raises TrainingError where the regressor gives none."""
    with _says(f"{_name(regressor)} could not give estimates"):
        found = np.asarray(regressor.predict(frame), np.float64)
    if found.size != len(frame):
        raise TrainingError(
            f"{_name(regressor)} gives estimates of shape {found.shape}, not one a row"
        )
    _require_finite(regressor, found, "estimates")
    return found.reshape(-1)


def _require_finite(estimator: Any, found: Reals, what: str) -> None:
    if not np.isfinite(found).all():
        raise TrainingError(f"{_name(estimator)} gives {what} that are no numbers")


@contextmanager
def _says(failure: str) -> Iterator[None]:
    """Turn whatever a user's code raises into one line."""
    try:
        yield
    except Exception as error:
        raise TrainingError(f"{failure}: {first_line(error).rstrip('.')}") from error


def _advice(reason: str, frame: Any) -> str:
    """What mends a fault that a definition can have although it loads."""
    if "nan" not in reason.lower():
        return ""
    nulls = [name for name in frame if frame[name].isna().any()]
    return f" ({', '.join(nulls)} have nulls); impute in the estimator"


def _name(estimator: object) -> str:
    """What people call it: the last step of a pipeline does the work."""
    steps = getattr(estimator, "steps", None)
    return _name(steps[-1][1]) if steps else type(estimator).__name__
