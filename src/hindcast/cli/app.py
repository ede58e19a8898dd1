"""The command line's root, which every command registers with."""

import typer

app = typer.Typer(
    help="Features, models and predictions that can be recomputed as of the moment they were made.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
