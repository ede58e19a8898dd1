"""Hindcast: a feature store and inference stack whose every number can be recomputed."""

import os

# ONNX Runtime would report its use to its maker, and reads this when it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
