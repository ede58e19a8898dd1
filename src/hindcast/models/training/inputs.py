"""How an estimator sees its rows: as a DataFrame with a column per feature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder


class NamedRows(pd.DataFrame):  # type: ignore[misc]  # pandas has no types
    """A DataFrame whose matrix may be written to: scikit-learn's trees refuse a read-only one."""

    @property
    def _constructor(self) -> type["NamedRows"]:
        return NamedRows

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(super().__array__(dtype), order="C")


@dataclass(frozen=True)
class Inputs:
    """The columns of a matrix by name: numbers first, text after them.

    encoder: one-hot encodes the text; None leaves it as it is, or there is none. by_name: whether
    the estimator chooses its columns.
    """

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    encoder: ColumnTransformer | None = None
    by_name: bool = False

    @property
    def columns(self) -> list[str]:
        """The names of the DataFrame's columns; an encoded text has a numbered one per value."""
        if self.encoder is None:
            return [*self.numeric, *self.categorical]
        values = self.encoder.named_transformers_["text"].categories_
        # A text itself may have characters that a boosting library refuses in names.
        encoded = [
            f"{name}#{place}"
            for name, texts in zip(self.categorical, values, strict=True)
            for place in range(len(texts))
        ]
        return [*self.numeric, *encoded]

    def frame(self, matrix: NDArray[Any]) -> pd.DataFrame:
        """The rows of a matrix as a DataFrame: float32, and text where it is not encoded."""
        if self.encoder is not None:
            matrix = np.asarray(self.encoder.transform(matrix), np.float32)
        if self.encoder is not None or not self.categorical:
            # Not copied: pandas would lay rows out by column, and sums change in their last bit.
            return NamedRows(matrix, columns=self.columns, copy=False)
        frame = NamedRows(matrix, columns=self.columns, dtype=object)
        return frame.astype(dict.fromkeys(self.numeric, np.float32))


def encoded(numeric: Sequence[str], categorical: Sequence[str], matrix: NDArray[Any]) -> Inputs:
    """Inputs whose text is one-hot encoded; a text that these rows do not have is all zeros."""
    if not categorical:
        return Inputs(tuple(numeric), ())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    columns = [
        ("numeric", "passthrough", slice(0, len(numeric))),
        ("text", texts, slice(len(numeric), matrix.shape[1])),
    ]
    encoder = ColumnTransformer([part for part in columns if numeric or part[0] == "text"])
    return Inputs(tuple(numeric), tuple(categorical), encoder.fit(matrix))


def for_estimator(
    estimator: Any, numeric: Sequence[str], categorical: Sequence[str], matrix: NDArray[Any]
) -> Inputs:
    """The features as they are for a ColumnTransformer, which encodes text itself; else encoded."""
    if selects_columns(estimator):
        return Inputs(tuple(numeric), tuple(categorical), by_name=True)
    return encoded(numeric, categorical, matrix)


def selects_columns(estimator: Any) -> bool:
    """Whether the first thing that it does is to choose columns."""
    if isinstance(estimator, Pipeline):
        return selects_columns(estimator.steps[0][1])
    return isinstance(estimator, ColumnTransformer)
