"""The images of predict and train: built, and run as Lambda and SageMaker run them."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hindcast import bootstrap, names, project
from hindcast.bootstrap import Application
from hindcast.data.refresh import refresh
from hindcast.demo.generate import FIRST_CUSTOMER, generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.serving import release
from hindcast.settings import Settings
from hindcast.traffic import proxy_events
from tests.e2e import containers
from tests.e2e.containers import Place
from tests.integration.hindsight import ingest

pytestmark = pytest.mark.skipif(bool(containers.missing()), reason=str(containers.missing()))

AS_OF, NOW = "2021-09-17", datetime(2021, 9, 17, 12, tzinfo=UTC)
PREDICT, TRAIN = "lambdas.predict.handler.handler", "lambdas.train.handler.handler"
# What is loaded and was not compiled when the image was built, or is compared with its source.
UNCOMPILED = """
import importlib, pathlib, sys
importlib.import_module("lambdas.{function}.handler")
for module in list(sys.modules.values()):
    path = str(getattr(module, "__file__", None))
    if path.startswith("/var/task/") and path.endswith(".py"):
        compiled = pathlib.Path(module.__cached__)
        if not compiled.is_file() or compiled.read_bytes()[4:8] != bytes([1, 0, 0, 0]):
            print(path)
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Application:
    """Loans in a lake, their features in the online store, and a folder for releases."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "releases").mkdir()
    (folder / "releases").chmod(0o777)  # To others than root, as a bucket is to a function.
    made = Application(
        Settings(folder, f"{folder}/lake", f"{folder}/releases", database_url=module_database_url),
        project.load(),
    )
    generate(folder / "loans.csv", customers=1000, seed=1)
    ingest(made, folder / "loans.csv", NOW)
    refresh(made, None, DuckDBEngine(), bootstrap.knowledge(AS_OF, None, NOW))
    return made


@pytest.fixture(scope="module")
def place(home: Application) -> Place:
    """What the functions get to see: the lake to read, releases, and the database's socket."""
    address = urlsplit(home.database_url)
    socket = Path(parse_qs(address.query)["host"][0], ".s.PGSQL.5432")
    mounts = {
        "/run/postgres/.s.PGSQL.5432": socket,
        "/lake": Path(home.settings.lake),
        "/releases": Path(home.settings.releases),
    }
    environment = {
        names.ENV_HOME: "/tmp/hindcast",
        names.ENV_LAKE: "/lake",
        names.ENV_RELEASES: "/releases",
        names.ENV_RELEASE_DIR: "/opt/release",
        names.ENV_DATABASE_URL: f"postgresql://postgres@{address.path}?host=/run/postgres",
    }
    return Place(mounts, environment)


@pytest.fixture(scope="module")
def trained(home: Application, place: Place) -> Iterator[Path]:
    """The folder of the release that the train image wrote, given the event of a rebuild."""
    built = containers.build("train")
    assert built.returncode == 0, built.stderr
    event = {"model": None, "as_of": AS_OF, "known_by": NOW.isoformat()}
    with containers.function("train", TRAIN, place, seconds=300, memory=3008) as function:
        report = function.invoke(event)
        written = Path(home.settings.releases, report["release"])
        assert report["folder"] == f"/releases/{written.name}"
        yield written
    containers.remove("train")


@pytest.fixture(scope="module")
def predict(trained: Path) -> Iterator[None]:
    """The predict image with that release inside."""
    built = containers.build("predict", trained)
    assert built.returncode == 0, built.stderr
    yield
    containers.remove("predict")


def asked(method: str, path: str, body: bytes = b"") -> dict[str, object]:
    """The event that API Gateway makes of a request."""
    return proxy_events.proxy_event(method, path, [("Host", "test")], body, "127.0.0.1")


def test_train_writes_a_release_that_verifies(trained: Path) -> None:
    assert release.load(trained).manifest["as_of"].startswith(AS_OF)


def test_the_same_image_trains_as_a_job_and_finds_the_same_release(
    trained: Path, place: Place
) -> None:
    arguments = ("--as_of", AS_OF, "--known_by", NOW.isoformat())
    printed = containers.run(
        "train", place, "python", "-m", "hindcast.operations.training_job", *arguments
    )
    assert json.loads(printed)["release"] == trained.name


@pytest.mark.usefixtures("predict")
def test_predict_answers_by_the_release_that_is_inside(place: Place, trained: Path) -> None:
    request = asked("POST", "/predict", json.dumps({"id": FIRST_CUSTOMER}).encode())
    with containers.function("predict", PREDICT, place) as function:
        answers = [function.invoke(request) for _ in range(2)]
        health = function.invoke(asked("GET", "/health"))
        made = [line for line in function.lines if line.get("message") == names.PREDICTION_MESSAGE]
    for answer in answers:
        assert answer["statusCode"] == 200
        assert json.loads(answer["body"])["release"] == trained.name
    assert json.loads(health["body"])["status"] == "ok"
    assert [line["cold_start"] for line in made] == [True, False]


@pytest.mark.usefixtures("predict")
def test_without_a_release_it_starts_and_says_so(place: Place) -> None:
    nowhere = Place(place.mounts, {**place.environment, names.ENV_RELEASE_DIR: "/opt/nowhere"})
    with containers.function("predict", PREDICT, nowhere) as function:
        assert function.invoke({"warmup": True}) == {"warm": True, "release": None}
        answer = function.invoke(asked("GET", "/health"))
    assert (answer["statusCode"], "no release" in answer["body"]) == (503, True)


@pytest.mark.usefixtures("predict", "trained")
@pytest.mark.parametrize("function", ["predict", "train"])
def test_all_that_a_start_imports_was_compiled_in_the_build(place: Place, function: str) -> None:
    script = UNCOMPILED.format(function=function)
    assert containers.run(function, place, "python3", "-c", script) == ""


def test_a_release_that_was_changed_is_not_built_in(trained: Path, tmp_path: Path) -> None:
    changed = tmp_path / trained.name
    shutil.copytree(trained, changed)
    with (changed / "model.onnx").open("ab") as model:
        model.write(b"!")
    built = containers.build("predict", changed)
    assert built.returncode == 1
    assert f"release {trained.name}: model.onnx has changed since it was released" in built.stderr
