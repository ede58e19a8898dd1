"""Keys and instants in files: each row's features are point in time."""

from typing import Any

from hindcast.errors import InputError
from hindcast.operations.batch.parts import INSTANTS, PartContext
from hindcast.operations.batch.sources.files import LocalFiles


class SpineFile(LocalFiles):
    """Files as get-historical-features takes them: keys, instants, request values."""

    def __init__(self, params: Any, context: PartContext) -> None:
        """Find the files; raises InputError also where they have no instants."""
        super().__init__(params, context)
        if len([name for name in INSTANTS if name in self.columns]) != 1:
            raise InputError(
                f"data.source: a spine has one of the columns {' and '.join(INSTANTS)}; it has "
                f"{', '.join(self.columns)}"
            )
