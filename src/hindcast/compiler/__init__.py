"""Definitions -> SQL: checks, the history-and-spine query, and the serving query."""
