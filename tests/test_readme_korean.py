"""The Korean README says what the English one says: the same sections, code, tables, figures and links."""

import re
from itertools import zip_longest

import pytest

from kosbert.report.table import BEGIN, END

# What no language changes: inline code, targets of links and pictures, how a table's columns are aligned, numbers.
FACT = re.compile(r"(`[^`]+`)|(!?)\[[^\]]*\](\([^)]+\))|(:?-{3,}:?)|(\d(?:[\d,.]*\d)?)")


@pytest.fixture(scope="module")
def english(root):
    return (root / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def korean(root):
    return (root / "README.ko.md").read_text(encoding="utf-8")


def facts(text):
    """The facts of a text, sorted, for another language has another order of words."""
    return sorted("".join(groups) for groups in FACT.findall(text))


def lines(text):
    """Yield each line of a README (a paragraph is one): its section, itself, and what of it every language shares."""
    section = "the top"
    for part in re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL):
        if part.startswith("```"):
            yield from ((section, line, line) for line in part.splitlines())
            continue
        for block in re.split(r"\n{2,}", part.strip("\n")):
            if block.startswith("#"):
                section = block
                yield section, block, block.split()[0]
            elif block.startswith("|"):
                yield from ((section, row, [facts(cell) for cell in row.split("|")]) for row in block.splitlines())
            elif block:
                paragraph = " ".join(block.split())
                yield section, paragraph, facts(paragraph)


def difference(english, korean):
    """Tell where two READMEs part first; nothing where they agree."""
    english = english.replace("(README.ko.md)", "(README.md)", 1)  # each links to the other
    nothing = ("the end", "nothing", None)
    for ours, theirs in zip_longest(lines(english), lines(korean), fillvalue=nothing):
        if ours[2] != theirs[2]:
            return (
                f"README.md and README.ko.md differ in section {ours[0]!r} ({theirs[0]!r}); change both alike:\n"
                f"README.md:    {ours[1]}\nREADME.ko.md: {theirs[1]}\n"
                f"there: {ours[2]}\nhere:  {theirs[2]}"
            )
    return ""


def test_each_links_to_the_other_at_its_top(english, korean):
    assert english.splitlines()[2] == "[한국어](README.ko.md)"
    assert korean.splitlines()[2] == "[English](README.md)"


def test_both_say_the_same(english, korean):
    if found := difference(english, korean):
        pytest.fail(found)


def test_both_have_the_same_generated_table(english, korean):
    ours, theirs = (text.partition(BEGIN)[2].partition(END)[0] for text in (english, korean))
    assert ours == theirs, f"what stands between {BEGIN} and {END} differs: run `dvc repro report`"


ENGLISH = """# Title

## Use

It takes 3.6 GB with `--int8`; see [the log](docs/log.md).

![A map](docs/map.png)

```sh
make test  # all of it
```

## Sizes

| what | fp32 | int8 |
|---|---:|---:|
| size | 122 MB | 58 MB |
"""
KOREAN = """# 제목

## 사용법

`--int8`을 주면 메모리를
3.6 GB 쓴다([기록](docs/log.md)).

![지도](docs/map.png)

```sh
make test  # all of it
```

## 크기

| 항목 | fp32 | int8 |
|---|---:|---:|
| 크기 | 122 MB | 58 MB |
"""


def test_another_order_of_words_and_another_break_of_lines_are_no_difference():
    assert not difference(ENGLISH, KOREAN)


@pytest.mark.parametrize(
    ("section", "was", "becomes", "line"),
    [
        pytest.param("## Use", "3.6 GB", "3.7 GB", "It takes 3.7 GB", id="a figure in a paragraph"),
        pytest.param("## Use", "`--int8`", "`--int4`", "It takes 3.6 GB with `--int4`", id="a name"),
        pytest.param("## Use", "log.md", "logs.md", "[the log](docs/logs.md)", id="a link"),
        pytest.param("## Use", "map.png", "maps.png", "![A map](docs/maps.png)", id="a picture"),
        pytest.param("## Use", "![A map]", "[A map]", "[A map](docs/map.png)", id="a picture made a link"),
        pytest.param("## Use", "make test", "make check", "make check  # all of it", id="a command"),
        pytest.param("## Use", "all of it", "all", "make test  # all", id="a comment in code"),
        pytest.param("## Use", "## Sizes", "More.\n\n## Sizes", "More.", id="a paragraph"),
        pytest.param("### Sizes", "## Sizes", "### Sizes", "### Sizes", id="the level of a section"),
        pytest.param("## Sizes", "## Sizes", "## More\n\n## Sizes", "## Sizes", id="a section"),
        pytest.param("## Sizes", "122 MB |", "123 MB |", "| size | 123 MB | 58 MB |", id="a figure in a table"),
        pytest.param("## Sizes", "122 MB | 58", "58 MB | 122", "| size | 58 MB | 122 MB |", id="figures the wrong way"),
        pytest.param("## Sizes", "int8 |", "int8 | |", "| what | fp32 | int8 | |", id="a column"),
        pytest.param("## Sizes", "---:|---:|", "---:|---|", "|---|---:|---|", id="the alignment of a column"),
        pytest.param("## Sizes", "58 MB |", "58 MB |\n| more | | |", "| more | | |", id="a row"),
    ],
)
def test_a_change_that_the_other_lacks_is_found_and_told(section, was, becomes, line):
    for told in (
        difference(ENGLISH.replace(was, becomes), KOREAN),
        difference(KOREAN, ENGLISH.replace(was, becomes)),
    ):
        assert f"{section!r}" in told
        assert line in told
