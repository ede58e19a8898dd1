"""The predict Lambda: the router, logger, metrics and tracer of hindcast.serving.app."""

import os

from hindcast.serving import app

handler = app.handler

# In Lambda the release is verified and loaded while the environment starts, at full CPU.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    app.predictor()
