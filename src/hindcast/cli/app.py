"""The command line's root, which every command registers with."""

from contextlib import ExitStack

import typer

# What is done when a command has ended, well or not.
at_end = ExitStack()

app = typer.Typer(
    help="Features, models and predictions that can be recomputed as of the moment they were made.",
    add_completion=False,
    pretty_exceptions_enable=False,
    # Plain help: it starts fast, and its words can be searched and copied.
    rich_markup_mode=None,
)
