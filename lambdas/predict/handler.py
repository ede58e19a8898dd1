"""The predict Lambda: the router, logger, metrics and tracer of hindcast.serving.app."""

import os

# numpy's linear algebra would start a thread per core, and they spin; serving does none of it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hindcast.serving import app

handler = app.handler

# In Lambda the release is verified and loaded while the environment starts, at full CPU.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    app.load()
