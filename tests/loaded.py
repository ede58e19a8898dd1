"""Which libraries commands load, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]

SCRIPT = """
import json
import sys
before = set(sys.modules)
from hindcast.cli import main
for words in json.loads(sys.argv[1]):
    sys.argv = ["hindcast", *words]
    try:
        main()
    except SystemExit as end:
        assert not end.code, (words, end.code)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(loaded - sys.stdlib_module_names)), file=sys.stderr)
"""


def by(*commands: Sequence[str], environment: Mapping[str, str] | None = None) -> set[str]:
    """The top names of all that commands import which succeed, without the standard library."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(commands)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))
