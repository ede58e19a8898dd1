"""Run as a script by its path: a command whose process group ends when standard input does.

Whoever started it holds the other end of the pipe, which the kernel closes however that one ends.
"""

import os
import signal
import subprocess
import sys
import threading
import time

STOP_SECONDS = 10


def main() -> int:
    """Run the command of the arguments; what it ended with."""
    # The group is told to end as one; this process ends after the command.
    signal.signal(signal.SIGTERM, lambda *_: None)
    with subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL) as command:
        threading.Thread(target=_end_with_input, daemon=True).start()
        return command.wait()


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.killpg(0, number)
        time.sleep(STOP_SECONDS)


if __name__ == "__main__":
    os._exit(abs(main()))
