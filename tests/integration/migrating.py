"""What a migration is told, and an online table that the users it makes write and read."""

import json
from pathlib import Path
from typing import Any

from hindcast import names, project
from hindcast.bootstrap import Application
from hindcast.datatypes import DataType
from hindcast.serving.requests import Question
from hindcast.serving.store import Database, OnlineReader
from hindcast.settings import Settings
from hindcast.stores.database import connect
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration.hindsight import NOW
from tests.integration.rds import as_user

SECRET = "hindcast-test-worker"
CHANGING = ViewVersion("changing", "hash")


def secret(password: str, username: str = names.DATABASE_WORKER) -> str:
    return json.dumps({"username": username, "password": password})


def application(url: str) -> Application:
    home = Path("/nowhere")
    places = Settings(home, "/nowhere", "/nowhere", database_url=url, worker_secret=SECRET)
    return Application(places, project.load())


def publish(store: OnlineStore, run: str, more: dict[str, DataType]) -> None:
    columns = {"id": DataType("bigint"), **more}
    loading = store.create_table(CHANGING, run, ["id"], columns)
    with connect(store.url) as session:
        session.execute(f'INSERT INTO hindcast."{loading.table}" (id) VALUES (1)'.encode())
    store.publish(loading, NOW, NOW, 1, force=True)


def read(url: str, version: ViewVersion) -> list[Any]:
    """The key of customer 1 as serving reads it."""
    serving = OnlineReader(
        Database(as_user(url, names.DATABASE_READER)),
        f"SELECT id FROM hindcast.{version.relation} WHERE id = %(key_0)s",
    )
    try:
        row = serving.read(Question((1,)), NOW)
        return [row["id"]] if row else []
    finally:
        serving.close()
