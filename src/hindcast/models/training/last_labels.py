"""The last label of a row's entity that was known when the row's question was asked."""

from datetime import timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hindcast.data.training_rows import TrainingSet
from hindcast.models.tasks.base import Labels, Reals


def of(data: TrainingSet, labels: Labels, asked: NDArray[np.bool_]) -> Reals:
    """Per row of a mask its entity's last label, NaN where it has none; labels: of every row.

    A label is known once it has matured, and a question is asked so long ahead of its event; both
    as the model's label declares. The entity is the first of the events.
    """
    label, micros = data.labelled.label, data.micros()
    waits = (label.matures + label.ahead) // timedelta(microseconds=1)
    entities, _ = pd.factorize(data.groups())
    rows = pd.DataFrame({"entity": entities, "at": micros, "label": labels.astype(np.float64)})
    questions = pd.DataFrame({"entity": entities[asked], "at": micros[asked] - waits})
    found = pd.merge_asof(
        questions.sort_values("at", kind="stable").reset_index(),
        rows.sort_values("at", kind="stable"),
        on="at",
        by="entity",
        allow_exact_matches=False,
    )
    return np.asarray(found.set_index("index")["label"].sort_index(), np.float64)
