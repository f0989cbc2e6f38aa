"""Each Korean page says what the English one says: the same sections, code, tables, figures and links.

Within a section the order of sentences is free: what is compared is what no language changes.
"""

import re
from itertools import zip_longest
from pathlib import Path

import pytest
from support.readme import FENCE, english, korean

from kosbert.report.table import BEGIN, END

ROOT = Path(__file__).parents[1]
PAIRS = [(path, korean(path)) for path in english(ROOT) if korean(path).exists()]
CODE = re.compile(r"`[^`]+`")
LINK = re.compile(r"(!?)\[[^\]]*\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d(?:[\d,.]*\d)")  # of two digits or more: a single one may be a word, in either language


def sections(text):
    """Yield each section of a page: its heading, and all that every language shares of it, by kind."""
    code = [match[0] for match in FENCE.finditer(text)]
    parts = re.split(r"^(?=#+ )", FENCE.sub("\0", text), flags=re.MULTILINE)
    for part in parts:
        heading, _, body = part.partition("\n") if part.startswith("#") else ("the top", "", part)
        rows = [line for line in body.splitlines() if line.startswith("|")]
        prose = " ".join(line for line in body.splitlines() if not line.startswith("|"))
        yield (
            heading,
            {
                "level of the heading": len(heading) - len(heading.lstrip("#")),
                "code blocks": [code.pop(0) for _ in range(part.count("\0"))],
                "rows of tables": [[facts(cell) for cell in row.split("|")] for row in rows],
                "links": links(prose),
                "inline code": sorted(set(CODE.findall(prose))),
                "numbers": sorted(set(NUMBER.findall(CODE.sub("", LINK.sub("", prose))))),
            },
        )


def facts(cell):
    """Return what every language shares of a table's cell: code, links, alignment, numbers."""
    plain = CODE.sub("", LINK.sub("", cell))
    return [
        sorted(CODE.findall(cell)),
        links(cell),
        *re.findall(r":?-{3,}:?", cell),
        sorted(set(NUMBER.findall(plain))),
    ]


def links(text):
    """Return where links lead, in the other language alike: anchors are words, and a page's twin is the page."""
    found = {kind + re.sub(r"(\.ko)?\.md(#.*)?$", ".md", target) for kind, target in LINK.findall(text)}
    return sorted(target for target in found if not target.startswith("#"))


def difference(english, korean):
    """Tell where two pages part first; nothing where they agree."""
    nothing = ("the end", {})
    for (section, ours), (other, theirs) in zip_longest(sections(english), sections(korean), fillvalue=nothing):
        for kind in ours or theirs:
            if ours.get(kind) != theirs.get(kind):
                return (
                    f"the {kind} of section {section!r} ({other!r}) differ; change both alike:\n"
                    f"English: {lacking(ours.get(kind), theirs.get(kind))}\n"
                    f"Korean:  {lacking(theirs.get(kind), ours.get(kind))}"
                )
    return ""


def lacking(ours, theirs):
    """Return what of a list the other lacks; the value itself if it is none, or lacks nothing."""
    if isinstance(ours, list) and isinstance(theirs, list):
        return [fact for fact in ours if fact not in theirs] or ours
    return ours


@pytest.mark.parametrize(("english", "korean"), PAIRS, ids=lambda path: path.name)
def test_both_say_the_same(english, korean):
    if found := difference(english.read_text(encoding="utf-8"), korean.read_text(encoding="utf-8")):
        pytest.fail(f"{english.name} and {korean.name}: {found}")


def test_the_readmes_link_to_each_other_at_their_top_and_have_the_same_generated_table(root):
    ours, theirs = ((root / name).read_text(encoding="utf-8") for name in ("README.md", "README.ko.md"))
    assert ours.splitlines()[2] == "[한국어](README.ko.md)"
    assert theirs.splitlines()[2] == "[English](README.md)"
    table, same = (text.partition(BEGIN)[2].partition(END)[0] for text in (ours, theirs))
    assert table == same, f"what stands between {BEGIN} and {END} differs: run `dvc repro report`"


ENGLISH = """# Title

## Use

It takes 3.6 GB with `--int8`; see [the log](docs/log.md#figures). It runs on one core.

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

코어 1개에서 실행됩니다. `--int8`을 주면 메모리를
3.6 GB 씁니다([기록](docs/log.ko.md#수치)).

![지도](docs/map.png)

```sh
make test  # all of it
```

## 크기

| 항목 | fp32 | int8 |
|---|---:|---:|
| 크기 | 122 MB | 58 MB |
"""


def test_another_order_of_sentences_and_another_break_of_lines_are_no_difference():
    assert not difference(ENGLISH, KOREAN)


@pytest.mark.parametrize(
    ("section", "was", "becomes", "told"),
    [
        pytest.param("## Use", "3.6 GB", "3.7 GB", "['3.7']", id="a figure in a paragraph"),
        pytest.param("## Use", "`--int8`", "`--int4`", "['`--int4`']", id="a name"),
        pytest.param("## Use", "docs/log", "docs/logs", "['docs/logs.md']", id="a link"),
        pytest.param("## Use", "map.png", "maps.png", "['!docs/maps.png']", id="a picture"),
        pytest.param("## Use", "![", "[", "['docs/map.png']", id="a picture made a link"),
        pytest.param("## Use", "make test", "make check", "make check  # all of it", id="a command"),
        pytest.param("## Use", "all of it", "all", "make test  # all\\n", id="a comment in code"),
        pytest.param("### Sizes", "## Sizes", "### Sizes", "3", id="the level of a section"),
        pytest.param("## Sizes", "## Sizes", "## More\n\n## Sizes", "rows of tables", id="a section"),
        pytest.param("## Sizes", "122 MB |", "123 MB |", "['123']", id="a figure in a table"),
        pytest.param("## Sizes", "122 MB | 58", "58 MB | 122", "['58']", id="figures the wrong way"),
        pytest.param("## Sizes", "int8 |", "int8 | |", "rows of tables", id="a column"),
        pytest.param("## Sizes", "---:|---:|", "---:|---|", "'---'", id="the alignment of a column"),
        pytest.param("## Sizes", "58 MB |", "58 MB |\n| more | | |", "rows of tables", id="a row"),
    ],
)
def test_a_change_that_the_other_lacks_is_found_and_told(section, was, becomes, told):
    korean = KOREAN.replace("크기\n\n|", "Sizes\n\n|").replace("사용법", "Use")
    for found in (
        difference(ENGLISH.replace(was, becomes), korean),
        difference(korean.replace(was.replace("log.", "log.ko."), becomes), ENGLISH),
    ):
        assert f"{section!r}" in found.replace("## More", "## Sizes")
        assert told in found
