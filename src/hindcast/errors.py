"""The one error root; each message says what happened, where, and what to do."""


class HindcastError(Exception):
    """Raised when an operation failed; the command line exits with 1."""

    exit_code = 1


class InputError(HindcastError):
    """Raised when something the caller gave is wrong; the command line exits with 2."""

    exit_code = 2


class UnlikeSourceError(InputError):
    """Raised when a file is not as its source declares: columns missing, or most rows bad."""


class DefinitionError(InputError):
    """Raised when a project's definitions cannot mean anything."""


class NotFoundError(InputError):
    """Raised when the entity, release or table asked for does not exist."""


class StoreUnavailableError(HindcastError):
    """Raised when the online store does not answer; trying again later may work."""


class NotMaterializedError(StoreUnavailableError):
    """Raised when the online store lacks a table or column that a release reads."""


class StaleFeaturesError(StoreUnavailableError):
    """Raised when the online features are older than a model answers by."""


class UnloggedError(HindcastError):
    """Raised when the line of an answer cannot be written to the log."""


class FeatureError(HindcastError):
    """Raised when the database cannot compute a feature of an entity."""


class NoReleaseError(HindcastError):
    """Raised when there is no release to answer by yet; the first rebuild brings one."""


class ConflictError(HindcastError):
    """Raised when another writer was first; look at what it did before running again."""


class TooSoonError(ConflictError):
    """Raised when what may start only so often has started lately."""


class OnlineCheckError(HindcastError):
    """Raised when a newly loaded online table fails its checks and is not swapped in."""


class ReleaseError(HindcastError):
    """Raised when a release folder is incomplete, changed, or refused by the parity gate."""


class DamagedError(HindcastError):
    """Raised when a table of the lake is not as the ledger recorded it."""


class GateError(HindcastError):
    """Raised when a release may not be promoted, because its gate has not let it through."""


class CanaryError(HindcastError):
    """Raised when a canary must be rolled back, because of what it answered or did not."""


class TrainingError(HindcastError):
    """Raised when a training set cannot train a model."""


def is_panic(error: BaseException) -> bool:
    """Whether a library in Rust gave up, which Python takes for no Exception."""
    return type(error).__name__ == "PanicException"


# What Arrow says after the reason of a reader that is Python's: the stack of it, line by line.
_STACK = " Detail: Python exception: Traceback"


def first_line(error: BaseException) -> str:
    """The first line of an error's text, without the rest that a driver adds."""
    line = (str(error).strip() or type(error).__name__).splitlines()[0]
    return line.partition(_STACK)[0]
