"""The commands that the documentation names are there, with the options it gives them."""

import re
import shlex

import click
import pytest

from kosbert.cli import main


def commands(root):
    """Yield each shell command of the documentation, in words."""
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), flags=re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                yield shlex.split(line, comments=True)


def test_each_command_of_ours_takes_the_options_it_is_shown_with(root):
    ours = [words[1:] for words in commands(root) if words[:1] == ["kosbert"]]
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
    shown = {words[1] for words in commands(root) if words[:1] == ["make"]}
    assert {"benchmark", "test", "demo"} <= shown <= targets
