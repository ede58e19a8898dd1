"""How a peer process is asked: a JSON line of ids in, a line of times and probabilities out."""

import json
import sys
import time
from collections.abc import Callable
from typing import TypedDict


class Reply(TypedDict):
    """Milliseconds and probability of 1, an item for each id that was asked."""

    milliseconds: list[float]
    probabilities: list[float]


def answer_lines(predict: Callable[[int], float]) -> None:
    """Answer until standard input ends."""
    for line in sys.stdin:
        reply = Reply(milliseconds=[], probabilities=[])
        for key in json.loads(line):
            started = time.perf_counter()
            probability = predict(key)
            reply["milliseconds"].append((time.perf_counter() - started) * 1000)
            reply["probabilities"].append(float(probability))
        print(json.dumps(reply), flush=True)
