"""A process of its own that loads a model from MLflow's folder and scores the rows it is sent.

Run by its path, with nothing of Hindcast: python model_worker.py FOLDER FLAVOR. A message is eight
bytes of length, then so many bytes: to it an Arrow stream of rows; from it `=` and an Arrow stream
of answers, or `!` and the reason why there are none.
"""

import os
import struct
import sys
from typing import Any, BinaryIO

import pyarrow as pa

LENGTH = struct.Struct(">Q")
ANSWERS, REASON = b"=", b"!"


def serve(folder: str, flavor: str, questions: BinaryIO, answers: BinaryIO) -> None:
    """Load the model, say so by an empty answer, and score until there are no more questions."""
    model = _loaded(folder, flavor)
    _send(answers, ANSWERS)
    while head := questions.read(LENGTH.size):
        rows = pa.ipc.open_stream(questions.read(LENGTH.unpack(head)[0])).read_all()
        try:
            _send(answers, ANSWERS + written(_scored(model, rows)))
        except Exception as error:  # noqa: BLE001 - a model may raise anything; others may do.
            _send(answers, REASON + f"{type(error).__name__}: {error}".encode())


def _loaded(folder: str, flavor: str) -> Any:
    import mlflow

    if flavor == "sklearn":
        return mlflow.sklearn.load_model(folder)
    return mlflow.pyfunc.load_model(folder)


def _scored(model: Any, rows: pa.Table) -> pa.Table:
    """Columns of answers: prediction, a classifier's probabilities, or a data frame's own."""
    frame = rows.to_pandas()
    answers = {"prediction": model.predict(frame)}
    if hasattr(model, "predict_proba"):
        answers |= _probabilities(model.predict_proba(frame), model.classes_)
    elif hasattr(answers["prediction"], "columns"):
        found = answers.pop("prediction")
        answers = {str(name): found[name] for name in found.columns}
    return pa.table({name: pa.array(values) for name, values in answers.items()})


def _probabilities(chances: Any, classes: Any) -> dict[str, Any]:
    """That of the second of two classes; of more, one by each name."""
    if len(classes) == 2:
        return {"probability": chances[:, 1]}
    return {f"probability_{name}": chances[:, place] for place, name in enumerate(classes)}


def written(table: pa.Table) -> bytes:
    """A table as the bytes of an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _send(stream: BinaryIO, message: bytes) -> None:
    stream.write(LENGTH.pack(len(message)) + message)
    stream.flush()


if __name__ == "__main__":
    # What a model prints must not get between the answers.
    kept = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(kept, "wb") as out:
        serve(sys.argv[1], sys.argv[2], sys.stdin.buffer, out)
