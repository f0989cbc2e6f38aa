"""The documentation is true: the commands, options, names, files and anchors that it shows are there."""

import re
from pathlib import Path
from pkgutil import resolve_name
from urllib.parse import unquote

import click
import pytest
from support.readme import anchors, blocks, commands, english, korean, links, texts

from kosbert.cli import main

ROOT = Path(__file__).parents[1]
ENGLISH_ONLY = ("experiments.md", "faults.md")  # a log, and tables that are generated
LONGEST = 160  # lines of a README
LINKING = [path for folder in (".", "docs", "metrics") for path in sorted((ROOT / folder).glob("*.md"))]


def shown(root):
    return [words for block in blocks(root, "sh") for words in commands(block)]


def inline(root, pattern):
    """The code within sentences that a pattern describes, from its beginning on."""
    return {found for text in texts(root) for found in re.findall(rf"`({pattern})", text)}


def broken(path):
    """Tell which links of a page lead nowhere on a git host; addresses of the web are not asked."""
    for link in links(path.read_text(encoding="utf-8")):
        target, _, anchor = unquote(link).partition("#")
        if "://" in link:
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists():
            yield f"{link}: no such file"
        elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
            yield f"{link}: no such heading"


@pytest.mark.parametrize("path", LINKING, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(path):
    assert [*broken(path)] == []


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    (tmp_path / "a.md").write_text("# 한국어 문장, `kosbert.load`\n", encoding="utf-8")
    page = tmp_path / "b.md"
    page.write_text(
        "# B\n[a](a.md#한국어-문장-kosbertload) [b](#b) [c](c.md) [d](a.md#d)\n![e](e.png) `[f](f.md)`\n"
        "```text\n[g](g.md)\n```\n",
        encoding="utf-8",
    )
    assert [*broken(page)] == ["c.md: no such file", "a.md#d: no such heading", "e.png: no such file"]


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_a_readme_is_short(name):
    assert len((ROOT / name).read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_each_page_has_its_korean_twin(root):
    twins = {korean(path) for path in english(root) if path.name not in ENGLISH_ONLY}
    assert {*(root / "docs").glob("*.ko.md"), root / "README.ko.md"} == twins


def test_each_command_of_ours_takes_the_options_it_is_shown_with(root):
    ours = [words[1:] for words in shown(root) if words[:1] == ["kosbert"]]
    assert {"search", "index", "cluster", "encode", "export", "evaluate"} <= {name for name, *_ in ours}
    for name, *arguments in ours:
        command = main.commands[name]
        command.make_parser(click.Context(command)).parse_args(arguments)


def test_an_option_that_is_not_there_is_found():
    command = main.commands["search"]
    with pytest.raises(click.NoSuchOption):
        command.make_parser(click.Context(command)).parse_args(["--topmost", "3"])


def test_each_make_target_that_is_shown_is_there(root):
    targets = set(re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {words[1] for words in shown(root) if words[:1] == ["make"]}
    assert {"benchmark", "test", "demo"} <= named <= targets


def test_our_one_way_to_embed_is_the_one_that_is_shown(root):
    ours = [block for block in blocks(root, "python") if "kosbert" in block]
    assert ours
    assert [block for block in ours if "kosbert.load(" not in block] == []


def test_each_name_of_ours_that_is_written_is_there(root):
    names = inline(root, r"kosbert(?:\.[a-z_]+)+")
    assert {"kosbert.load", "kosbert.apps.ray_data.with_embeddings"} <= names
    for name in names:
        resolve_name(name)


def test_each_file_of_the_project_that_is_written_is_there(root):
    paths = inline(root, r"(?:src|stages|tests|benchmarks|examples|docs)/[\w/.-]+")
    assert {"benchmarks/encoding.py", "examples/encode_on_ray.py"} <= paths
    assert [path for path in sorted(paths) if not (root / path).exists()] == []
