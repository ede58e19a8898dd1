"""The target that is a number."""
