"""The models of a batch."""
