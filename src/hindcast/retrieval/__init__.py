"""Point-in-time retrieval: features of any keys as of any instants, and the online rows of keys."""

from hindcast.compiler.features import ASKED_AT
from hindcast.files import Rows
from hindcast.retrieval.use_case import Retrieved, historical, online, retrieve, retrieve_online

__all__ = [
    "ASKED_AT",
    "Retrieved",
    "Rows",
    "historical",
    "online",
    "retrieve",
    "retrieve_online",
]
