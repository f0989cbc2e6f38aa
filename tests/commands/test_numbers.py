"""Every option that takes a number, of every command, with numbers that nobody means: right, or one line."""

import time
from importlib.util import find_spec

import click
import pytest
from click.testing import CliRunner
from inputs.kinds import PAIRS, lines

from kosbert.cli import main

NUMBERS = (click.types.IntParamType, click.types.FloatParamType)
OPTIONS = [
    pytest.param(name, param, id=f"{name} {param.opts[0]}")
    for name, command in sorted(main.commands.items())
    for param in command.params
    if isinstance(param.type, NUMBERS)
]
ODD = ["0", "-1", "1e30", f"{10**30}", "nan", "inf", "-inf", f"{10**9}", "1" * 5_000]
# What these may be depends on the texts or the model, which a number that is too high is compared with.
COMPARED = {"--groups", "--max-length", "--smallest", "--top"}
# How each command is run. Whoever adds a command with numbers adds it here.
RUN = {
    "cluster": ("MODEL", "TEXTS"),
    "demo": ("--model", "EMPTY"),
    "encode": ("MODEL", "TEXTS", "--out", "out.npy", "--overwrite"),
    "evaluate": ("MODEL", "PAIRS"),
    "index": ("MODEL", "TEXTS", "EMPTY"),
    "mteb": ("MODEL", "--tasks", "none"),
    "search": ("MODEL", "TEXTS", "비"),
    "serve": ("EMPTY",),
}
METHODS = {"--distance": "agglomerative", "--similarity": "communities", "--smallest": "communities"}


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    (tmp_path / "texts.txt").write_bytes(lines())
    (tmp_path / "empty").mkdir()
    PAIRS.to_csv(tmp_path / "pairs.tsv", sep="\t", index=False)
    files = {"MODEL": tiny, "TEXTS": "texts.txt", "PAIRS": "pairs.tsv", "EMPTY": "empty"}
    monkeypatch.chdir(tmp_path)

    def run(name, *options):
        started = time.monotonic()
        done = CliRunner().invoke(main, [name, *(f"{files.get(each, each)}" for each in (*RUN[name], *options))])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert time.monotonic() - started < 30
        return done

    return run


@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:8])
@pytest.mark.parametrize(("name", "param"), OPTIONS)
def test_an_odd_number_ends_right_or_in_a_line(run, name, param, value):
    option = param.opts[0]
    if name == "mteb" and not find_spec("mteb"):
        pytest.skip("needs the extra mteb")
    method = ("--method", METHODS[option]) if option in METHODS else ()
    more = ("--similarity", "0.5") if option == "--smallest" else ()
    done = run(name, *method, *more, f"{option}={value}")
    if value in ("nan", "inf", "-inf") or (value == "1e30" and isinstance(param.type, click.types.IntParamType)):
        assert done.exit_code == 2
    if done.exit_code:
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1
        assert done.stderr.endswith(f"{errors[0]}\n")


@pytest.mark.parametrize(("name", "param"), OPTIONS)
def test_every_number_has_bounds(name, param):
    assert param.type.min is not None, f"{name} {param.opts[0]}: say from where on it makes sense"
    assert param.type.max is not None or param.opts[0] in COMPARED, f"{name} {param.opts[0]}: say up to where"


def test_more_than_there_are_is_all(run):
    assert run("search", "--top", f"{10**30}").stdout == run("search", "--top", "6").stdout
