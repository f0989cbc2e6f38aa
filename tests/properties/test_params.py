"""Any YAML gives parameters, or lines that each name what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from support.refusals import check_line
from support.strategies import damaged, other_json

from kosbert import params
from kosbert.base.build import typed
from kosbert.errors import KosbertError

# Pieces of YAML that mean something: kinds, dates that are none, references, and what opens and never closes.
PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!!int ",
    "!!binary ",
    "|",
    "\n",
    "  ",
    "\t",
    "'",
    '"',
    "---",
]
PIECES += [
    "seed",
    "recipes",
    "null",
    "~",
    ".inf",
    "0x",
    "1_",
    "2026-13-45",
    "12:61",
    "<<",
    "%YAML 9.9",
    "\\ud800",
    "\0",
]


@pytest.fixture(scope="module")
def text(root):
    return (root / "params.yaml").read_text(encoding="utf-8")


def check(path):
    try:
        for name, base in params.load(path).base_models.items():
            typed(name, base)
    except KosbertError as error:
        for line in error.message.split("\n"):
            check_line(line)


@given(data=st.data())
def test_damaged_parameters_are_read_or_refused(tmp_path, text, data):
    (tmp_path / "params.yaml").write_bytes(data.draw(damaged(text.encode())))
    check(tmp_path / "params.yaml")


@given(text=st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).map("".join))
def test_any_yaml_is_read_or_refused(tmp_path, text):
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    check(tmp_path / "params.yaml")


@pytest.fixture(scope="module")
def few(chosen):
    """Parameters of one recipe, dataset and base: their parser is slow."""
    values = chosen.model_dump(mode="json", by_alias=True)
    values |= {"dataset": "sample", "base_model": "scratch"}
    for block, name in (("recipes", "sts"), ("datasets", "sample"), ("base_models", "scratch")):
        values[block] = {name: values[block][name]}
    values["report"]["rows"] = {"sts": "STS"}
    return values


@given(data=st.data())
def test_other_values_are_read_or_refused(tmp_path, few, data):
    with (tmp_path / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe", pure=True).dump(data.draw(other_json(few)), file)
    check(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    "content",
    ["seed: 2026-13-45", "[" * 400, "seed: &a [*a]", "a: &a [x, x]\nb: &b [*a, *a]\n" + "seed: " + "x" * 5_000],
)
def test_yaml_that_its_parser_cannot_take_is_refused(tmp_path, content):
    (tmp_path / "params.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(KosbertError):
        params.load(tmp_path / "params.yaml")
    check(tmp_path / "params.yaml")
