"""Answers computed again: as of the instant, known by what was known, by the release of then."""
