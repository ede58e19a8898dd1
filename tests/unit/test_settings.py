"""Settings: arguments win over the environment, which wins over defaults; then nothing changes."""

from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from hindcast import names, settings
from hindcast.errors import InputError


def test_without_anything_data_live_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load({})
    assert loaded.home == tmp_path / ".hindcast"
    assert loaded.lake == str(tmp_path / ".hindcast" / "lake")
    assert loaded.releases == str(tmp_path / ".hindcast" / "releases")
    assert (loaded.project, loaded.database_url, loaded.release_dir) == (None, None, None)


def test_the_environment_says_where_things_live() -> None:
    loaded = settings.load(
        {
            names.ENV_HOME: "/data",
            names.ENV_PROJECT: "/project",
            names.ENV_LAKE: "s3://bucket/lake",
            names.ENV_RELEASES: "s3://bucket/releases",
            names.ENV_DATABASE_URL: "postgresql://db/online",
            names.ENV_RELEASE_DIR: "/opt/release",
            names.ENV_WORKER_SECRET: "worker",
            names.ENV_DEPLOYMENT: "staging",
        }
    )
    assert loaded == settings.Settings(
        home=Path("/data"),
        lake="s3://bucket/lake",
        releases="s3://bucket/releases",
        project=Path("/project"),
        database_url="postgresql://db/online",
        release_dir=Path("/opt/release"),
        worker_secret="worker",
        deployment="staging",
    )


def test_the_environment_says_how_the_database_is_opened() -> None:
    loaded = settings.load({names.ENV_DATABASE_AUTH: "iam", names.ENV_DATABASE_SECRET: "worker"})
    assert (loaded.database_auth, loaded.database_secret) == ("iam", "worker")
    with pytest.raises(InputError, match="HINDCAST_DATABASE_AUTH=IAM: the only way but passwords"):
        settings.load({names.ENV_DATABASE_AUTH: "IAM"})


def test_arguments_win_over_the_environment() -> None:
    environment = {names.ENV_HOME: "/data", names.ENV_PROJECT: "/project"}
    loaded = settings.load(environment, home=Path("/mine"), project=Path("/other"))
    assert (loaded.home, loaded.project) == (Path("/mine"), Path("/other"))
    assert loaded.lake == "/mine/lake"


def test_a_relative_home_is_made_absolute_before_anyone_changes_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = settings.load({}, home=Path("here"))
    assert (loaded.home, loaded.lake) == (tmp_path / "here", str(tmp_path / "here" / "lake"))


def test_an_empty_variable_is_none() -> None:
    loaded = settings.load({names.ENV_PROJECT: "", names.ENV_RELEASE_DIR: ""})
    assert (loaded.project, loaded.release_dir) == (None, None)


def test_a_place_set_to_nothing_is_where_it_would_be_unset() -> None:
    variables = (names.ENV_HOME, names.ENV_LAKE, names.ENV_RELEASES, names.ENV_DATABASE_URL)
    assert settings.load(dict.fromkeys(variables, "")) == settings.load({})


def test_settings_cannot_be_changed_once_loaded() -> None:
    loaded = settings.load({})
    with pytest.raises(FrozenInstanceError):
        loaded.lake = "elsewhere"  # type: ignore[misc]
