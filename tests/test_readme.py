"""The documentation is true: the commands, options, names and files that it shows are there."""

import re
from pkgutil import resolve_name

import click
import pytest
from support.readme import blocks, commands, pages

from kosbert.cli import main


def shown(root):
    return [words for block in blocks(root, "sh") for words in commands(block)]


def inline(root, pattern):
    """The code within sentences that a pattern describes, from its beginning on."""
    return {found for page in pages(root) for found in re.findall(rf"`({pattern})", page)}


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
    similarity, *ours, client = blocks(root, "python")
    assert "kosbert" not in similarity + client
    assert ours
    for block in ours:
        assert "kosbert.load(" in block


def test_each_name_of_ours_that_is_written_is_there(root):
    names = inline(root, r"kosbert(?:\.[a-z_]+)+")
    assert {"kosbert.load", "kosbert.apps.ray_data.with_embeddings"} <= names
    for name in names:
        resolve_name(name)


def test_each_file_of_the_project_that_is_written_is_there(root):
    paths = inline(root, r"(?:src|stages|tests|benchmarks|examples|docs)/[\w/.-]+")
    assert {"benchmarks/encoding.py", "examples/encode_on_ray.py"} <= paths
    assert [path for path in sorted(paths) if not (root / path).exists()] == []
