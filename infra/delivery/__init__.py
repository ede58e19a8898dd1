"""The steps of `buildspec.yml`: what the pipeline does, as `python -m infra.delivery STEP`."""
