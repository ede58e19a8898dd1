"""A user's estimator: whatever it raises ends in one line that says what it could not do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.definitions import Model
from hindcast.errors import TrainingError, first_line


def make(model: Model) -> Any:
    """The declared estimator, unfitted, on one thread; raises TrainingError for no classifier."""
    with _says("the function that makes the estimator failed"):
        estimator = model.estimator(model.seed)
    if isinstance(estimator, type):
        raise TrainingError(f"the estimator is the class {estimator.__name__}; return one of it")
    if not hasattr(estimator, "predict_proba"):
        raise TrainingError(
            f"{_name(estimator)} gives no probabilities; use a classifier with predict_proba"
        )
    with _says(f"{_name(estimator)} is no scikit-learn classifier"):
        parameters = estimator.get_params()
        jobs = [name for name in parameters if name.endswith("n_jobs") and parameters[name]]
        return estimator.set_params(**dict.fromkeys(jobs, 1))


def fitted(
    model: Model, matrix: NDArray[Any], labels: NDArray[np.int64], numeric: Sequence[str] = ()
) -> Any:
    """The declared estimator, fitted; numeric: what the first columns of the matrix are.

    Raises TrainingError with the estimator's own reason, and what may mend it.
    """
    estimator = make(model)
    try:
        return estimator.fit(matrix, labels)
    except Exception as error:
        reason = first_line(error).rstrip(".")
        raise TrainingError(
            f"{_name(estimator)} could not be fitted: {reason}{_advice(reason, matrix, numeric)}"
        ) from error


def probabilities(classifier: Any, matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The probability of 1, [rows]; raises TrainingError where the classifier gives none."""
    with _says(f"{_name(classifier)} could not give probabilities"):
        found = np.asarray(classifier.predict_proba(matrix), np.float64)
    if found.shape != (len(matrix), 2):
        raise TrainingError(
            f"{_name(classifier)} gives probabilities of shape {found.shape}, not of two labels"
        )
    if not np.isfinite(found).all():
        raise TrainingError(f"{_name(classifier)} gives probabilities that are no numbers")
    return found[:, 1]


@contextmanager
def _says(failure: str) -> Iterator[None]:
    """Turn whatever a user's code raises into one line."""
    try:
        yield
    except Exception as error:
        raise TrainingError(f"{failure}: {first_line(error).rstrip('.')}") from error


def _advice(reason: str, matrix: NDArray[Any], numeric: Sequence[str]) -> str:
    """What mends the faults that a definition can have although it loads."""
    if "nan" in reason.lower():
        nulls = [name for at, name in enumerate(numeric) if np.isnan(matrix[:, at]).any()]
        return f" ({', '.join(nulls)} have nulls); impute in the estimator"
    if "dataframe" in reason.lower():
        return "; it is fitted on a matrix without column names: choose columns by position"
    return ""


def _name(estimator: object) -> str:
    """What people call it: the last step of a pipeline does the work."""
    steps = getattr(estimator, "steps", None)
    return _name(steps[-1][1]) if steps else type(estimator).__name__
