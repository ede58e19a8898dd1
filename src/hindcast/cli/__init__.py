"""The command line: a thin face over the use cases. 0 is success, 2 bad input, 1 a failure."""

import atexit
import errno
import os
import signal
import sys
from typing import NoReturn

from typer import TyperException

from hindcast import interruption

# Importing a module registers its commands; help lists them in this order.
from hindcast.cli import (
    authoring,
    batch,
    data,
    demonstration,
    drift,
    events,
    history,
    jobs,
    models,
    rollout,
    serving,
    ui,
    verify,
)
from hindcast.cli.app import app, at_end
from hindcast.errors import HindcastError, first_line, is_panic
from hindcast.stores.home import write_privately

__all__ = [
    "app",
    "authoring",
    "batch",
    "data",
    "demonstration",
    "drift",
    "events",
    "history",
    "jobs",
    "main",
    "models",
    "rollout",
    "script",
    "serving",
    "ui",
    "verify",
]


# What a disk, its permissions and the system's limits say, wherever a file is written or read.
_OF_THE_MACHINE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EMFILE,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
}


def script() -> NoReturn:
    """`main` in a process of its own, which ends once the work is done.

    Python is not taken down piece by piece: a thread in which pyarrow reads through delta-rs may
    want it once more to close a file, and that aborts the process after all its work.
    """
    write_privately()
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # It ends already.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main() -> None:
    """Run the command line; a known error is one line on stderr and its exit code.

    So is a signal that ends it: 130 for Ctrl-C, 143 for SIGTERM, 129 for a closed terminal.
    """
    with interruption.listening():
        try:
            with at_end:
                code = app(sys.argv[1:] or ["--help"], standalone_mode=False) or 0
        except BaseException as error:  # noqa: BLE001 - raised again if unknown.
            code = _failed(error)
        # Libraries in which a signal is heard say so by errors of their own.
        if interruption.received() is not None:
            code = interruption.exit_code()
            print(f"hindcast: {interruption.reason()}", file=sys.stderr)
    raise SystemExit(code)


def _failed(error: BaseException) -> int:
    """The exit code of an error, once it is said; raises it where it is none that is known."""
    if interruption.received() is not None:
        return interruption.exit_code()
    if isinstance(error, HindcastError | TyperException):
        said, code = _line(error), error.exit_code
    elif isinstance(error, KeyboardInterrupt):  # A library's own handler raised it.
        said, code = "interrupted", 128 + signal.SIGINT
    elif is_panic(error) or (isinstance(error, OSError) and error.errno in _OF_THE_MACHINE):
        place = getattr(error, "filename", None)
        reason = getattr(error, "strerror", None) or first_line(error)
        said, code = f"{place or 'failed'}: {reason}", 1
    else:
        raise error
    print(f"hindcast: {said}", file=sys.stderr)
    return code


def _line(error: HindcastError | TyperException) -> str:
    """An error on one line; what it quotes may have several."""
    if isinstance(error, TyperException):
        return f"{error.format_message().rstrip('.')}; see --help"
    return " ".join(str(error).splitlines())
