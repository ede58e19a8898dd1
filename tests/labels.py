"""What tests learn from where no model says it: a source's own label."""

from datetime import timedelta

from hindcast.compiler.labelled import Labelled
from hindcast.definitions import Label, Source


def own_label(source: Source, matures: timedelta = timedelta(0)) -> Labelled:
    """The label that a source declares, of its own events."""
    return Labelled(source, Label(f"{source.name}.{source.label}", matures=matures), source)
