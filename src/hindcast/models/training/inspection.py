"""What the training rows say of the features before anything is fitted."""

import pyarrow as pa

from hindcast.data.training_rows import TrainingSet
from hindcast.errors import TrainingError
from hindcast.models.training.split import Partition


def require_values(data: TrainingSet, parts: Partition) -> None:
    """Raise TrainingError naming a feature that no training row has a value of."""
    known = data.table.filter(pa.array(parts.train))
    for feature in data.features:
        if known[feature.name].null_count == len(known):
            raise TrainingError(
                f"feature '{feature.name}' has no value in any of the {len(known)} training rows; "
                "leave it out of the model, or ingest what it is computed from"
            )
