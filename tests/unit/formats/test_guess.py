"""How a file seems to be written: its layout from its bytes, its values from the first of them."""

from pathlib import Path

import pytest

from hindcast.definitions import Csv, JsonLines
from hindcast.formats import guess


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("id,day\n1,2021-05-01\n", Csv()),
        ("id;amount\n1;1,5\n2;2,5\n", Csv(delimiter=";")),
        ("id\tnote\n1\ta, b\n2\tc, d, e\n", Csv(delimiter="\t")),
        ("id|note\n1|x\n", Csv(delimiter="|")),
        ("id;note\n1;'a;b'\n2;'c'\n", Csv(delimiter=";", quote="'")),
        ('id,note\n1,"a;b;c"\n2,it\'s\n', Csv()),
        ("id\n1\n2\n", Csv()),
    ],
)
def test_a_layout_is_told_by_the_lines(tmp_path: Path, text: str, form: Csv) -> None:
    path = tmp_path / "some.csv"
    path.write_text(text)
    assert guess.layout(path) == form


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252", "latin-1"])
def test_an_encoding_is_told_by_the_bytes(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "some.csv"
    letter = "€" if encoding == "cp1252" else "é"
    path.write_bytes(("id;x\n" + "1;plain\n" * 50_000 + f"2;{letter}\n").encode(encoding))
    assert guess.layout(path) == Csv(delimiter=";", encoding=encoding)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"a": ["1.5", "2"], "day": ["2021-05-01"]}, Csv()),
        ({"a": ["1,5", "2"], "b": ["x,y"]}, Csv(decimal=",")),
        ({"a": ["1.5", "NA"], "b": ["NA", "x"]}, Csv(nulls=["NA"])),
        ({"b": ["NA", "x"], "c": ["-", "y"]}, Csv()),
        ({"day": ["01.05.2021", "31.12.2021"]}, Csv(dates="%d.%m.%Y")),
        ({"day": ["01/05/2021", "-", "12/31/2021"]}, Csv(dates="%m/%d/%Y", nulls=["-"])),
        ({"a": ["01/02/2021"], "b": ["12/31/2021"]}, Csv(dates="%m/%d/%Y")),
        ({"day": ["20210501"], "n": ["12345678"]}, Csv(dates="%Y%m%d")),
        ({"at": ["1/5/2021 10:00"]}, Csv(timestamps="%d/%m/%Y %H:%M")),
        ({"at": ["1619863200000", "1619863200001"]}, Csv(epoch="ms")),
        ({"at": ["1619863200"], "day": ["2021-05-01"]}, Csv()),
        ({"none": []}, Csv()),
    ],
)
def test_values_are_told_by_the_columns(columns: dict[str, list[str]], expected: Csv) -> None:
    assert guess.values(Csv(), columns) == expected


def test_a_format_is_declared_without_what_is_usual() -> None:
    form = Csv(delimiter=";", encoding="cp1252", decimal=",", nulls=["-"])
    assert guess.declaration(form) == (
        "Csv(delimiter=';', encoding='cp1252', decimal=',', nulls=['-'])"
    )
    assert guess.declaration(JsonLines(paths={"a": "b.c"})) == "JsonLines(paths={'a': 'b.c'})"
    assert guess.differences(form, Csv()) == (
        "';'-separated, encoded in cp1252, written with decimal commas, written with ['-'] for null"
    )
    assert guess.differences(Csv(nulls=["-"]), Csv(nulls=["NA", "-"])) == ""
