"""The target of several classes."""
