"""No message quotes the URL of a database."""

import pytest

from hindcast.errors import HindcastError
from hindcast.models.registry.mlflow_store import sqlalchemy_url
from hindcast.settings import load
from hindcast.stores import database
from hindcast.stores.ledger import Ledger

SECRET = "s3cret"
URLS = {
    "no slash": "postgresql:/bob:s3cret@localhost/db",
    "an address": "postgresql://bob:s3cret@[::1/db",
    "a percent sign": "postgresql://bob:s3cret%@localhost/db",
    "a parameter": "postgresql://bob:x@localhost/db?s3cret=1",
    "words": "bob s3cret localhost",
    "an at sign": "postgresql://bob:pass@s3cret@localhost:1/db",
    "another scheme": "mysql://bob:s3cret@localhost/db",
    "a port": "postgresql://bob:s3cret@127.0.0.1:1/db",
}


@pytest.mark.parametrize("case", URLS)
def test_no_message_has_a_word_of_it(case: str) -> None:
    url = URLS[case]
    settings = load({"HINDCAST_DATABASE_URL": url})
    for act in (
        lambda: database.connect(database.url(settings)),
        lambda: database.connect(url),
        lambda: Ledger(url).runs(),
        lambda: sqlalchemy_url(database.url(settings)) and database.connect(url),
    ):
        with pytest.raises(HindcastError) as error:
            act()
        assert SECRET not in str(error.value)
        assert "\n" not in str(error.value)
