"""Files that are put into the lake's bucket come in by themselves, as S3's events tell of them.

A path below incoming/ that begins with a source's name is of that source; others are of the only
one, or of the one that the file is named after. S3 may tell twice, or of a file that came before:
its digest is known then.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.data import ingest as data
from hindcast.data.ingest import IngestReport
from hindcast.definitions import Source


def ingest(
    application: Application, created: Mapping[str, Any], now: datetime
) -> IngestReport | None:
    """Ingest what S3's event "Object Created" has as its detail; raises what data.ingest does.

    None for the empty object that the console makes of a folder.
    """
    key: str = created["object"]["key"]
    if key.endswith("/"):
        return None
    uri = f"s3://{created['bucket']['name']}/{key}"
    # By its version: another file of this name may have come meanwhile, and has its own event.
    version = created["object"].get("version-id")
    source = _source(application, key)
    report = data.ingest(uri, source, application.lake, application.ledger, now, version=version)
    return replace(report, reasons=())  # They quote values of rows, and answers are logged.


def _source(application: Application, key: str) -> Source:
    folder, project = key.removeprefix(f"{names.INCOMING}/").split("/")[0], application.project
    return project.source(folder) if folder in project.sources else project.source_of(key)
