"""The example's loans alone: a project of one source, view and model; most tests need no more."""

from pathlib import Path

from hindcast import project

# What the example declares besides.
OTHERS = "repayments, outcomes, paying, branch_book, scoring, late_payment"


def write(folder: Path, more: str = "") -> Path:
    """Write the project's definitions.py, with more at its end, into a folder; gives the folder."""
    folder.mkdir(exist_ok=True)
    text = (project.examples() / "credit_risk" / project.DEFINITIONS).read_text()
    (folder / project.DEFINITIONS).write_text(f"{text}\n\ndel {OTHERS}\n{more}")
    return folder
