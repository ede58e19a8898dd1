"""Run a command, given as arguments, until standard input ends: whoever started us is gone then."""

import subprocess
import sys
import threading

SECONDS_TO_STOP = 5


def _end_with_parent(process: subprocess.Popen[bytes]) -> None:
    sys.stdin.read()
    process.terminate()
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_parent, args=(command,), daemon=True).start()
    sys.exit(command.wait())
