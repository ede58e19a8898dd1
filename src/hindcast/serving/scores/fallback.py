"""What is answered in place of a score where the features are too old for one."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FallbackScore:
    """The answer that the model declares for it."""

    prediction: int | float | str

    @property
    def document(self) -> dict[str, Any]:
        """The answer's part that says so."""
        return {"prediction": self.prediction, "fallback": True}

    @property
    def is_finite(self) -> bool:
        """A declared answer is."""
        return True
