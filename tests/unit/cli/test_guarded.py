"""A guarded command, and what it started, ends with whoever started it, however that one ends."""

import signal
import subprocess
import sys

import psutil

from hindcast.cli import guarded

# Starts a guarded shell with a child, says who they are, and waits.
STARTER = f"""
import subprocess, sys, time
command = [sys.executable, {guarded.__file__!r}, "/bin/sh", "-c", "sleep 600 & sleep 601"]
guard = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
print(guard.pid, flush=True)
time.sleep(600)
"""


def test_whoever_is_killed_leaves_no_process() -> None:
    with subprocess.Popen([sys.executable, "-c", STARTER], stdout=subprocess.PIPE) as starter:
        assert starter.stdout is not None
        guard = psutil.Process(int(starter.stdout.readline()))
        while len(below := guard.children(recursive=True)) < 3:
            pass
        starter.kill()
        assert psutil.wait_procs([guard, *below], timeout=10)[1] == []


def test_it_ends_as_its_command_does() -> None:
    command = [sys.executable, guarded.__file__, "/bin/sh", "-c", "exit 3"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        assert guard.wait(10) == 3
    command[-1] = "kill -KILL $$"
    with subprocess.Popen(command, stdin=subprocess.PIPE) as guard:
        assert guard.wait(10) == signal.SIGKILL
