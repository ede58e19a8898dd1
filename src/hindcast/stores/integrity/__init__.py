"""Integrity of the lake: each commit is recorded in the ledger, and tables are held against it."""

from hindcast.stores.integrity.checks import Integrity
from hindcast.stores.integrity.damages import DamagedFile
from hindcast.stores.integrity.examination import TableReport, examine

__all__ = ["DamagedFile", "Integrity", "TableReport", "examine"]
