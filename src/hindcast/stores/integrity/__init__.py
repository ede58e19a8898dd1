"""Integrity of the lake: each commit is recorded in the ledger, and tables are held against it."""

from hindcast.stores.integrity.checks import Integrity
from hindcast.stores.integrity.damages import DamagedFile
from hindcast.stores.integrity.examination import TableReport, examine
from hindcast.stores.integrity.mending import Mended, mend

__all__ = ["DamagedFile", "Integrity", "Mended", "TableReport", "examine", "mend"]
