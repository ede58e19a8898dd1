"""What goes wrong while a Delta table is written, in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import CommitFailedError, DeltaError

from hindcast.errors import ConflictError, HindcastError, first_line, is_panic


@contextmanager
def one_error(uri: str, conflict: str, work: str = "writing") -> Iterator[None]:
    """Turn delta-rs's errors into one: ConflictError where another writer was first.

    conflict: what that one did. A full disk is an error here, and so is a panic of delta-rs, which
    Python takes for no Exception. What was not committed is not in the table.
    """
    try:
        yield
    except CommitFailedError as error:
        raise ConflictError(f"{uri}: another writer {conflict} meanwhile; run it again") from error
    except (DeltaError, OSError) as error:  # OSError is S3's refusal.
        raise HindcastError(f"{uri}: {work} failed: {first_line(error)}") from error
    except BaseException as error:
        if not is_panic(error):
            raise
        raise HindcastError(f"{uri}: {work} failed: {first_line(error)}") from error
