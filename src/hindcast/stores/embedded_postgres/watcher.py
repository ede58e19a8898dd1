"""A small process beside each server, which stops it once all who used it are gone.

The last user stops the server itself; one that was killed cannot.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import hindcast
from hindcast.stores.embedded_postgres import users

SECONDS_BETWEEN_LOOKS = 1.0
# So often nobody: a server may be on its way up, whose starter was killed.
LOOKS = 2


def ensure(data: Path) -> None:
    """See that a server's watcher runs; call it under the server's exclusive lock.

    The watcher's lock is open in this process first, and ends with the watcher.
    """
    handle = os.open(data.with_name(data.name + ".watcher"), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if users.is_free(handle):
            _start(data, handle)
    finally:
        os.close(handle)


def _start(data: Path, handle: int) -> None:
    """Start a process that is nobody's child, in no terminal's session, and holds the lock."""
    source = str(Path(hindcast.__file__).parents[1])
    paths = [source, *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-P", "-m", __package__, str(data), str(handle)]
    subprocess.run(
        ["/bin/sh", "-c", '"$@" &', "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        pass_fds=(handle,),
        start_new_session=True,
        check=True,
    )


def watch(data: Path, handle: int) -> None:
    """Wait until nobody uses the server, and stop it."""
    from hindcast.stores.embedded_postgres import server

    while True:
        _wait_until_unused(data)
        with users.exclusive(data):
            if users.is_unused(data):
                # Whoever starts it next may not take this watcher for its own.
                server.shut_down(data)
                os.close(handle)
                return


def _wait_until_unused(data: Path) -> None:
    looks = 0
    while looks < LOOKS:
        time.sleep(SECONDS_BETWEEN_LOOKS)
        looks = looks + 1 if users.is_unused(data) else 0
