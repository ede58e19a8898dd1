"""Files that are put into the lake's bucket come in by themselves, or as a job, by a function.

S3's events tell of what was put there.

A path below incoming/ that begins with a source's name is of that source; others are of the only
one, or of the one that the file is named after. S3 may tell twice, or of a file that came before:
its digest is known then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.data import ingest as data
from hindcast.data.ingest import IngestReport
from hindcast.definitions import Source
from hindcast.errors import InputError
from hindcast.formats.objects import listed
from hindcast.project import Project


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


@dataclass(frozen=True)
class FilesReport:
    """What became of a job's files, and of the rows in them."""

    files: int
    rows: int
    accepted: int
    quarantined: int
    already_ingested: int


def ingest_files(
    application: Application,
    files: Sequence[str],
    source: str | None,
    now: datetime,
    force: bool = False,
) -> FilesReport:
    """Ingest objects, folders and patterns of them in their order; raises what data.ingest does.

    The first that cannot be one of its source's ends it. What came in before it is known by its
    digest, so that the same job again goes on there.
    """
    if local := [file for file in files if not file.startswith("s3://")]:
        raise InputError(f"{local[0]}: is no object on S3; name it by s3://BUCKET/KEY")
    lake, ledger = application.lake, application.ledger
    reports = [
        data.ingest(file, own, lake, ledger, now, force=force)
        for file, own in sourced(application.project, files, source)
    ]
    return FilesReport(
        files=len(reports),
        rows=sum(each.rows for each in reports),
        accepted=sum(each.accepted for each in reports),
        quarantined=sum(each.quarantined for each in reports),
        already_ingested=sum(each.already_ingested for each in reports),
    )


def sourced(project: Project, files: Sequence[str], source: str | None) -> list[tuple[str, Source]]:
    """What files, folders and patterns mean, each file with its source; raises InputError."""
    found = [file for given in files for file in listed(given)]
    return [(file, project.source(source) if source else project.source_of(file)) for file in found]


def _source(application: Application, key: str) -> Source:
    folder, project = key.removeprefix(f"{names.INCOMING}/").split("/")[0], application.project
    return project.source(folder) if folder in project.sources else project.source_of(key)
