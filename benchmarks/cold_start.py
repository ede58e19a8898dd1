"""Cold start: CPU time until a fresh interpreter has its imports and its model, without database.

Hindcast runs lambdas/predict/handler.py as Lambda does, which verifies and loads the release.
The peer imports scikit-learn, pandas, SQLAlchemy and joblib, and loads the same model pickled.
"""

import argparse
import sys

import _measure
from _measure import Limit, Usage

LIMIT = 0.25


def main() -> int:
    """Measure, print, and say with the exit code whether the limit holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=5000)
    options = parser.parse_args()
    _measure.machine()
    with _measure.home() as home:
        home.prepare(options.customers)
        found = _measured(home, options.rounds)
    _print(found)
    ratios = [
        ours.cpu_seconds / peer.cpu_seconds
        for ours, peer in zip(found["hindcast"], found["scikit-learn"], strict=True)
    ]
    return _measure.verdict([Limit("CPU time hindcast / peer", _measure.median(ratios), LIMIT)])


def _measured(home: _measure.Home, rounds: int) -> dict[str, list[Usage]]:
    handler = str(_measure.ROOT / "lambdas" / "predict" / "handler.py")
    peer = str(_measure.PEERS / "scikit_learn_start.py")
    lambda_environment = {
        "AWS_LAMBDA_FUNCTION_NAME": "predict",
        "HINDCAST_RELEASE_DIR": str(home.release),
        # Nobody listens there; the handler connects with its first request.
        "HINDCAST_DATABASE_URL": "postgresql://reader@localhost:1/none",
        "HINDCAST_DATABASE_AUTH": "iam",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    commands = {
        "hindcast": ([sys.executable, handler], lambda_environment),
        "scikit-learn": ([sys.executable, peer, str(home.pickled_model())], {}),
        "bare interpreter": ([sys.executable, "-c", "pass"], {}),
    }
    sides = {
        name: lambda command=command, environment=environment: _measure.child_usage(
            command, environment
        )
        for name, (command, environment) in commands.items()
    }
    _measure.alternate(sides, 1)  # Compiles what is not compiled yet and fills the file cache.
    return _measure.alternate(sides, rounds)


def _print(found: dict[str, list[Usage]]) -> None:
    rows = [
        (
            name,
            _measure.median([usage.cpu_seconds for usage in usages]),
            _measure.median([usage.wall_seconds for usage in usages]),
            _measure.median([usage.peak_mb for usage in usages]),
        )
        for name, usages in found.items()
    ]
    _measure.table(("cold start (medians)", "CPU s", "wall s", "peak MB"), rows)


if __name__ == "__main__":
    sys.exit(main())
