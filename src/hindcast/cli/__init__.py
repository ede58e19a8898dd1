"""The command line: a thin face over the use cases. 0 is success, 2 bad input, 1 a failure."""

import sys

# Importing a module registers its commands; help lists them in this order.
from hindcast.cli import data, demonstration, history, models, rollout, serving, ui
from hindcast.cli.app import app
from hindcast.errors import HindcastError

__all__ = ["app", "data", "demonstration", "history", "main", "models", "rollout", "serving", "ui"]


def main() -> None:
    """Run the command line; a known error is one line on stderr and its exit code."""
    try:
        app()
    except HindcastError as error:
        print("hindcast:", *str(error).splitlines(), file=sys.stderr)
        raise SystemExit(error.exit_code) from error
