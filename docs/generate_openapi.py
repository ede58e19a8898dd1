"""Writes the APIs' OpenAPI documents from the code; `make docs` runs it."""

import json
from pathlib import Path

from hindcast.operations.openapi import control, predict

FOLDER = Path(predict.__file__).parent
DOCUMENTS = {"control": control.document, "predict": predict.document}


def text(name: str) -> str:
    """A document as its file has it."""
    return json.dumps(DOCUMENTS[name](), indent=1) + "\n"


if __name__ == "__main__":
    for name in DOCUMENTS:
        (FOLDER / f"{name}.json").write_text(text(name))
