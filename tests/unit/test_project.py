"""A project is one folder's definitions.py, checked whole before anything runs."""

import os
import sys
from pathlib import Path

import pytest

from hindcast import project
from hindcast.errors import DefinitionError, HindcastError, InputError

LOANS = """
from hindcast.definitions import *
loans = Source("loans", Entity("customer", "id"), "at", "nr", label="status", schema={
    "id": "bigint", "at": "date", "nr": "bigint", "amount": "double", "status": "bigint"})
"""
HISTORY = (
    LOANS
    + """
history = FeatureView("history", loans, [
    Feature("loans", "count(*)", over=prior()), Feature("amount", "amount", over=latest())])
"""
)
MODEL = (
    HISTORY
    + """
risk = Model("risk", history[...], label="loans.status", label_matures=days(60), estimator=print)
"""
)


def load(folder: Path, text: str) -> project.Project:
    (folder / "definitions.py").write_text(text)
    return project.load(folder)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(DefinitionError) as raised:
        load(folder, text)
    return str(raised.value)


def test_the_example_is_the_default_and_loads() -> None:
    example = project.load()
    assert example.folder == project.default_folder()
    assert list(example.sources) == ["loans", "repayments", "outcomes"]
    assert list(example.view("credit_history").keys) == ["id"]
    assert example.model().seed == 20210917


def test_definitions_are_found_by_name_or_as_the_only_ones(tmp_path: Path) -> None:
    loaded = load(tmp_path, MODEL)
    assert loaded.source() is loaded.source("loans")
    assert loaded.view() is loaded.view("history")
    assert loaded.model() is loaded.model("risk")


def test_a_named_release_says_which_of_several_models_is_meant(tmp_path: Path) -> None:
    other = 'late = Model("risk-2", history[...], "loans.status", days(60), estimator=print)\n'
    loaded = load(tmp_path, MODEL + other)
    assert loaded.model_name(None, "risk-0123456789ab") == "risk"
    assert loaded.model_name(None, "risk-2-0123456789ab") == "risk-2"
    assert loaded.model_name("risk-2", "risk-0123456789ab") == "risk-2"
    with pytest.raises(InputError, match="name one model; the project has risk, risk-2"):
        loaded.model_name(None, "3")


def test_of_several_models_the_default_is_meant_where_none_is_named(tmp_path: Path) -> None:
    other = MODEL + MODEL.removeprefix(HISTORY).replace("risk", "other")
    assert load(tmp_path, other).default_model is None
    loaded = load(tmp_path, other.replace("estimator=print)", "estimator=print, default=True)", 1))
    assert loaded.model() is loaded.model("risk") is loaded.default_model
    message = refusal(tmp_path, other.replace("=print)", "=print, default=True)"))
    assert message == "models 'risk' and 'other' are all declared as the default; leave one"


def test_a_file_is_of_the_only_source_or_of_the_one_that_it_is_named_after(tmp_path: Path) -> None:
    assert load(tmp_path, LOANS).source_of("s3://in/may.csv").name == "loans"
    loaded = load(tmp_path, LOANS + LOANS.replace("loans", "sales"))
    assert loaded.source_of("in/sales.csv.gz").name == "sales"
    with pytest.raises(
        InputError, match=r"may.csv: no source is called \'may\'; name .*: loans, sales"
    ):
        loaded.source_of("in/may.csv")


def test_two_variables_may_name_one_definition(tmp_path: Path) -> None:
    loaded = load(tmp_path, MODEL + "alias = history\nother = loans\n")
    assert list(loaded.views) == ["history"]


def test_a_source_that_only_a_view_names_is_known(tmp_path: Path) -> None:
    loaded = load(tmp_path, HISTORY + "del loans\n")
    assert list(loaded.sources) == ["loans"]


def test_two_definitions_of_one_name_are_refused(tmp_path: Path) -> None:
    text = HISTORY + 'again = FeatureView("history", loans, history.features)\n'
    assert refusal(tmp_path, text) == (
        "two FeatureView definitions are named 'history'; rename one of them"
    )


def test_one_project_does_not_leak_into_the_next(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    assert list(load(folders[0], MODEL).models) == ["risk"]
    assert load(folders[1], LOANS).models == {}


def test_definitions_import_modules_beside_them_that_no_other_project_finds(tmp_path: Path) -> None:
    text = (
        HISTORY + "from words import NAME\n" + MODEL.removeprefix(HISTORY).replace('"risk"', "NAME")
    )
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        (folder / "words.py").write_text(f'NAME = "{folder.name}"\n')
        assert list(load(folder, text).models) == [folder.name]
    assert "words" not in sys.modules
    assert str(tmp_path / "b") not in sys.path
    assert "No module named 'words'" in refusal(tmp_path, "import words\n")


def test_a_file_is_read_as_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for name in ("loan", "lend"):
        (tmp_path / "definitions.py").write_text(LOANS.replace("loans", name))
        os.utime(tmp_path / "definitions.py", (0, 0))
        assert list(project.load(tmp_path).sources) == [name]


def test_an_error_in_a_module_beside_names_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "words.py").write_text("# Words.\n\nNAME = 1 / 0\n")
    message = refusal(tmp_path, "import words\n")
    assert message.startswith(f"{tmp_path / 'words.py'} line 3: ZeroDivisionError: ")


def test_a_folder_without_definitions_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError) as raised:
        project.load(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path}: there is no definitions.py; create it, or name another folder"
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("Feature('a')", "NameError: name 'Feature' is not defined"),
    ],
)
def test_a_file_that_python_refuses_is_named_with_the_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    message = refusal(tmp_path, f"# A project.\n{text}\n")
    assert message == f"{tmp_path / 'definitions.py'} line 2: {reason}; fix the file"


def test_a_definition_error_keeps_its_own_words(tmp_path: Path) -> None:
    message = refusal(tmp_path, "from hindcast.definitions import prior\nprior(days=0)\n")
    assert message == "prior(): days is 0, not a whole number from 1 to 36500"


def test_views_are_checked(tmp_path: Path) -> None:
    text = HISTORY.replace("count(*)", "count(amuont)")
    assert "feature view 'history', feature 'loans': unknown column 'amuont'" in refusal(
        tmp_path, text
    )


def test_checks_of_a_source_are_checked(tmp_path: Path) -> None:
    text = LOANS.replace("label=", 'checks=[Check("amuont > 0")], label=')
    assert "source 'loans', check 'amuont > 0': unknown column" in refusal(tmp_path, text)


def test_a_model_of_another_label_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, MODEL.replace("loans.status", "loans.amount"))
    assert message == (
        "model 'risk': label 'loans.amount' is double; a binary model classifies 0 and 1, which "
        'are bigint or boolean; use task="regression"'
    )


def test_a_model_of_a_feature_that_no_model_reads_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, MODEL.replace('"amount", "amount"', '"day", "at"')) == (
        "model 'risk': feature 'day' is date, which no model reads; turn it into a number, such as "
        "days_between"
    )


def test_two_sources_of_one_name_are_refused_also_behind_views(tmp_path: Path) -> None:
    text = HISTORY + LOANS.replace('"double"', '"bigint"')
    assert refusal(tmp_path, text) == "two Source definitions are named 'loans'; rename one of them"


def test_a_model_of_features_that_are_not_there_is_refused(tmp_path: Path) -> None:
    assert "feature view 'history' has no feature 'age'; it has loans, amount" in refusal(
        tmp_path, MODEL.replace("history[...]", 'history[["age"]]')
    )


def test_a_slice_that_is_no_feature_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, MODEL.replace("estimator=", 'slices=["job"], estimator='))
    assert (
        message
        == "model 'risk': slice 'job' is not a feature of its views; they have loans, amount"
    )


def test_a_model_of_a_view_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    message = refusal(tmp_path, MODEL + "del history\n")
    assert message == (
        "model 'risk': its feature view 'history' is not in definitions.py; declare it there"
    )


def test_asking_for_a_name_that_is_not_there_lists_those_that_are(tmp_path: Path) -> None:
    loaded = load(tmp_path, HISTORY + 'b = FeatureView("b", loans, history.features)\n')
    with pytest.raises(InputError, match="no feature view 'a'; the project has b, history"):
        loaded.view("a")
    with pytest.raises(InputError, match="name one feature view; the project has b, history"):
        loaded.view()
    with pytest.raises(InputError, match="name one model; the project has none"):
        loaded.model()


def test_every_refusal_is_bad_input_to_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(HindcastError) as raised:
        load(tmp_path, "1 / 0")
    assert raised.value.exit_code == 2


def test_the_folder_it_runs_in_is_the_default_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert project.read().models.keys() == {"credit_risk", "late_payment"}
    (tmp_path / "definitions.py").write_text(LOANS)
    assert project.read().models.keys() == set()
