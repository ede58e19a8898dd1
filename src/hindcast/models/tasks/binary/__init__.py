"""The yes-or-no target."""
