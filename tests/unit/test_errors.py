"""What of an error is shown to people."""

import pytest

from hindcast.errors import first_line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Unable to copy data\nstack backtrace:", "Unable to copy data"),
        (
            "Arrow error: [errno 27] File too large. Detail: Python exception: Traceback (most "
            'recent call last):\n  File "duckdb.py", line 158',
            "Arrow error: [errno 27] File too large.",
        ),
        ("", "ValueError"),
    ],
)
def test_an_error_is_one_line_without_the_stack_that_a_library_quotes(
    text: str, shown: str
) -> None:
    assert first_line(ValueError(text)) == shown
