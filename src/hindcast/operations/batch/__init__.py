"""Batch scoring: rows from a source through a model to a target, as one YAML file says."""
