"""The targets of a batch."""
