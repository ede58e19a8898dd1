"""Which release a rebuild takes in place of a new one, where a person or the delivery names one.

On AWS the stage decides what answers, and only the rebuild changes it; so a rollback and a
promotion by hand go through the same machine, one at a time.
"""

from dataclasses import dataclass
from typing import Literal

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import NotFoundError
from hindcast.models.readiness import require_ready
from hindcast.stores.ledger import previous

CHAMPION = "champion"


@dataclass(frozen=True)
class ReleaseChoice:
    """A release, and its way to the stage.

    back: the version of predict that holds it serves again. forward: through its gate, an image and
    a canary. again: the champion, in an image of today's code. none: there is no champion yet, or
    nothing is asked for but to end what another execution left.
    """

    way: Literal["back", "forward", "again", "none"]
    release: str | None
    version: str | None = None


def choose(
    application: Application, model: str | None, release: str | None, rollback: str | bool | None
) -> ReleaseChoice:
    """The release of this id or version, or the champion, or nothing.

    rollback: to this release, or (true) to the one before; it wins. Raises NotFoundError where
    there is no such release, or where none of predict's versions is known to hold it, and GateError
    where the features that it reads are not online.
    """
    declared = application.project.model(model).name
    if rollback:
        return _back(application, declared, None if rollback is True else rollback)
    if release == names.NOTHING:
        return ReleaseChoice("none", None)
    if release == CHAMPION:
        champion = application.ledger.champion(declared)
        if champion is None:
            return ReleaseChoice("none", None)
        # What goes into an image is what the ledger has: where images are built, nobody can ask it.
        application.release_folder(champion.release)
        return ReleaseChoice("again", champion.release)
    return ReleaseChoice("forward", _ready(application, declared, release or ""))


def _back(application: Application, model: str, name: str | None) -> ReleaseChoice:
    wanted = name or previous(application.ledger.promotions(model))
    if wanted is None:
        raise NotFoundError(f"model '{model}' has no earlier champion to go back to")
    release = _ready(application, model, wanted)
    return ReleaseChoice("back", release, _version(application, release))


def _ready(application: Application, model: str, name: str) -> str:
    found = application.ledger.find_release(model, name)
    require_ready(application.ledger, application.store, found)
    return found.release


def _version(application: Application, release: str) -> str:
    """The version of predict that served a release last, as the rebuilds recorded it."""
    for run in application.ledger.runs(names.REBUILD, limit=None):
        served = run.outputs.get("outcome") in (names.PROMOTED, names.RESTORED)
        if served and run.outputs.get("release") == release:
            return str(run.outputs["version"])
    raise NotFoundError(
        f"no rebuild recorded a version of predict that served release {release}; roll it out "
        f'with the input {{"release": "{release}"}}'
    )
