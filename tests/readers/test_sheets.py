"""Texts and pairs from the first sheet of a workbook, as Excel shows them."""

import sys
from datetime import date, time
from zipfile import ZipFile

import openpyxl
import pytest

from kosbert.errors import KosbertError
from kosbert.readers.layout import Layout
from kosbert.readers.pairs import read_pairs
from kosbert.readers.sources import OLE


@pytest.fixture
def book(tmp_path):
    def book(*rows, more_sheets=()):
        made = openpyxl.Workbook()
        for row in rows:
            made.active.append(row)
        for name in more_sheets:
            made.create_sheet(name)
        made.save(tmp_path / "a.xlsx")
        return tmp_path / "a.xlsx"

    return book


def test_a_column_of_the_first_sheet(book, read, told):
    path = book(["id", "text"], [1, "눈"], [2, "두\n줄"], [], [None, None], [3, None], ["x"], more_sheets=["둘째"])
    assert read(path) == ["눈", "두\n줄", "", ""]
    assert read(path, column="id") == ["1", "2", "3", "x"]
    assert read(path, column="2", header=False) == ["text", "눈", "두\n줄", "", ""]
    assert told == [f"{path}: read the first sheet, 'Sheet', of 2"] * 3


def test_one_column_keeps_the_blank_rows_between_its_texts(book, read, told):
    path = book([], ["문장"], ["눈"], [None], [], ["비"], [None], [])
    assert read(path) == ["눈", "", "", "비"]
    assert read(path, header=False) == ["문장", "눈", "", "", "비"]
    assert told == []


def test_numbers_are_shown_as_excel_shows_them(book, read):
    path = book(["text"], [3], [3.0], [-0.5], [0.1 + 0.2], [1e20], [12345678901], ["007"])
    assert read(path) == ["3", "3", "-0.5", "0.3", "1e+20", "12345678901", "007"]


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        (date(2026, 1, 2), "a date or time"),
        (time(1, 2), "a date or time"),
        (True, "true or false"),
        ("#N/A", "Excel's error #N/A"),
    ],
)
def test_other_cells_are_refused(book, read, refused, cell, found):
    path = book(["id", "text"], [1, "눈"], [cell, "비"])
    assert f"row 3: {found}; expected a text or a number" in refused(path, column="id")
    assert read(path) == ["눈", "비"]


def test_a_formula_that_nobody_computed_is_no_blank_text(book, read, refused):
    path = book(["text", "id"], ["=_=", 1], ["눈", "=1+1"])
    assert "row 2: a formula without a stored value; open the file in Excel and save it" in refused(path)
    assert "row 3: a formula without a stored value" in refused(path, column="id")
    assert "row 2: a formula without a stored value" in refused(book(["text"], ["=_="], ["눈"]))
    computed = b'<c r="A2" t="str"><f>IF(1,"","")</f><v></v></c>'
    path = edited(book(["text"], ["=_="], ["눈"]), b'<c r="A2"><f>_=</f><v /></c>', computed)
    assert read(path) == ["", "눈"]
    assert read(edited(path, b"<v></v>", "<v>비</v>".encode())) == ["비", "눈"]


def test_escaped_characters_are_what_excel_shows(book, read):
    assert read(book(["text"], ["두_x000D_\n줄"], ["_x005F_x0041_"])) == ["두\r\n줄", "_x0041_"]


def test_the_header_is_that_of_any_table(book, read, refused, told):
    path = book(["사용자평"], ["눈"])
    assert read(path) == ["눈"]
    assert told == [f"{path}: line 1 ('사용자평') was read as the column's name; if it is a text, use --no-header"]
    assert "line 1 may be a column name or a text" in refused(book(["눈이 온다."], ["비"]))
    assert "several columns; choose with --column one of 'a', 'b'" in refused(book(["a", "b"], ["눈", "비"]))
    assert "row 3: 3 columns instead of 2" in refused(book(["a", "text"], [1, "눈"], [1, "비", "x"]))
    assert "it is blank, or the file is empty" in refused(book())


def edited(path, old, new):
    """Replace bytes of the first sheet of a workbook."""
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in parts[sheet]
    parts[sheet] = parts[sheet].replace(old, new)
    with ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_sheet_whose_dimensions_are_wrong_is_read_whole(book, read):
    path = book(["id", "text"], [1, "눈"], [2, "비"])
    assert read(edited(path, b'ref="A1:B3"', b'ref="A1"')) == ["눈", "비"]


def test_a_workbook_that_will_not_do(book, write, refused, monkeypatch):
    complete = book(["text"], ["눈" * 30_000], *([f"눈 {number}"] for number in range(99))).read_bytes()
    path = write("a.xlsx", complete)
    assert refused(path, max_bytes=9_000).endswith(": unpacks to more than 72,000 bytes")
    for content in (b"", b"text\n", complete[:-10], complete[:300], b"PK\x03\x04", bytes(500)):
        assert "not a readable XLSX file" in refused(write("a.xlsx", content))
    assert "encrypted, or not XLSX but an older format" in refused(write("a.xlsx", OLE + bytes(500)))
    write("a.xlsx", complete)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    assert refused(path).endswith(
        "a.xlsx: XLSX needs openpyxl, which is not installed; install the extra xlsx: pip install 'openpyxl>=3.1'"
    )


def test_pairs(book):
    path = book(["sentence1", "sentence2", "score"], ["눈", "비", 3], ["해", 5, 2.5], ["달", "별", "4"])
    assert read_pairs(path) == [("눈", "비", 3.0), ("해", "5", 2.5), ("달", "별", 4.0)]
    assert read_pairs(book(["눈", "비", 3], ["해", "달", 2.5])) == [("눈", "비", 3.0), ("해", "달", 2.5)]
    assert read_pairs(book([1, "눈", "비"]), columns=("2", "3", "1"), layout=Layout(header=False)) == [
        ("눈", "비", 1.0)
    ]
    with pytest.raises(KosbertError, match="row 2: a sentence is blank"):
        read_pairs(book(["sentence1", "sentence2", "score"], ["눈", None, 3]))
