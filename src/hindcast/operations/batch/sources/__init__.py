"""The sources of a batch."""
