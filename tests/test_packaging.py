"""What is installed: few packages without extras; the pins, for pip and for uv; the wheel."""

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import venv
from email import message_from_string
from importlib.metadata import requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from support.extras import SRC, declared, foreign, not_installed, plain
from support.pins import read_pins, with_pins

from kosbert.cli import COMMANDS
from kosbert.errors import packages_of

ROOT = Path(__file__).parents[1]
PACKAGE = SRC / "kosbert"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = read_pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
MOST_PACKAGES = 75  # without extras, torch's and ours included
EXTRAS = sorted(PROJECT["project"]["optional-dependencies"])

# The ways in, with the extras that are there for sure.
WAYS_IN = [
    *((path, ()) for path in (PACKAGE / "__init__.py", PACKAGE / "__main__.py", PACKAGE / "apps/ray_data.py")),
    *((path, ()) for path in sorted((PACKAGE / "commands").glob("*.py"))),
    *((path, ("pipeline",)) for path in sorted((ROOT / "stages").glob("*.py"))),
]

# A command, and the extra that it names where nothing but the base is installed; none if it works there.
WITHOUT_EXTRAS = {
    "search {model} texts.txt 비": None,
    "cluster {model} texts.txt --groups 2": None,
    "encode {model} texts.txt --out texts.npy": None,
    "evaluate {model} pairs.tsv": None,
    "index {model} texts.txt exact --exact": None,
    "search {model} exact 비": None,
    "search {model} sheet.xlsx 비": "xlsx",
    "index {model} texts.txt graph": "index",
    "cluster {model} texts.txt --groups 2 --picture groups.svg": "plot",
    "export {model} --out exported": "openvino",
    "serve {model} --port 0": "serve",
    "demo --model {model} --port 0": "demo",
    "mteb {model}": "mteb",
    "publish base --out published": "pipeline",
    "difference main": "pipeline",
    "spread": "pipeline",
    "verify": "pipeline",
    "benchmark": "pipeline",
}
RUN = """
import json, sys
from importlib.machinery import PathFinder

class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in missing else super().find_spec(name, path, target)

    @classmethod
    def find_distributions(cls, context):
        found = super().find_distributions(context)
        modules = {each: (each.read_text("top_level.txt") or each.name).split() for each in found}
        return [each for each, tops in modules.items() if missing.isdisjoint(tops)]

missing, commands = {*json.loads(sys.argv[1])}, json.loads(sys.argv[2])
sys.meta_path = [Finder if finder is PathFinder else finder for finder in sys.meta_path]
from click.testing import CliRunner
from kosbert.cli import main
done = [CliRunner().invoke(main, command) for command in commands]
print(json.dumps([(each.exit_code, each.output, repr(each.exception)) for each in done]))
"""

needs_network = pytest.mark.skipif(os.environ.get("KOSBERT_COMPAT") != "1", reason="minutes, and the network")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The wheel and the source distribution, as `make dist` builds and checks them."""
    out = tmp_path_factory.mktemp("dist")
    done = make("dist", f"DIST={out}", tag=f"v{PROJECT['project']['version']}")
    assert done.stdout.count("PASSED") == len([*out.iterdir()]), done.stderr
    (wheel,), (source,) = out.glob("*.whl"), out.glob("*.tar.gz")
    return wheel, source


def make(target, *arguments, tag):
    # -o: the environment is there, however old.
    command = ["make", "-o", ".venv/.ready", target, f"BIN={Path(sys.executable).parent}", *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")} | {"TAG": tag}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    """A folder with what the commands read."""
    (tmp_path / "texts.txt").write_text(
        "오늘은 비가 온다.\n비가 내린다.\n나는 밥을 먹었다.\n고양이가 잔다.\n", encoding="utf-8"
    )
    (tmp_path / "sheet.xlsx").write_bytes(b"PK")
    rows = ["sentence1\tsentence2\tscore", "비가 온다.\t비가 내린다.\t4", "눈이 온다.\t밥을 먹었다.\t0", "눈\t해\t1"]
    (tmp_path / "pairs.tsv").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return tmp_path


def check_commands(python, folder, model, *, missing):
    """Check that each command works or names its extra, where these modules are missing."""
    commands = [[word.format(model=model) for word in command.split()] for command in WITHOUT_EXTRAS]
    commands += [[name, "--help"] for name in COMMANDS]
    done = subprocess.run(
        [python, "-c", RUN, json.dumps(sorted(missing)), json.dumps(commands)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr
    extras = [*WITHOUT_EXTRAS.values(), *[None] * len(COMMANDS)]
    each = zip(commands, extras, json.loads(done.stdout), strict=True)
    assert [(command, *found) for command, extra, found in each if not is_right(extra, *found)] == []


def is_right(extra, code, output, error):
    if extra is None:
        return code == 0
    advice = f"is not installed; install the extra {extra}: pip install '"
    return (code, error, len(output.splitlines())) == (1, "SystemExit(1)", 1) and advice in output


def test_each_import_is_of_a_package_of_the_base_or_of_the_extra_that_it_stands_under():
    found = [(str(path.relative_to(ROOT)), names) for way in WAYS_IN for path, names in foreign(*way) if names]
    assert dict(found) == {}


def test_every_module_is_on_a_way_in():
    reached = {path for way in WAYS_IN for path, _ in foreign(*way)}
    modules = {path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"}
    assert sorted(str(path.relative_to(PACKAGE)) for path in modules - reached) == ["cli.py"], "which imports by name"


@pytest.mark.parametrize("extra", EXTRAS)
def test_the_advice_names_all_packages_of_an_extra_with_their_bounds(extra):
    named = packages_of(extra)
    assert {plain(Requirement(package).name) for package in named} == declared(extra) - declared()
    assert [package for package in named if package not in " ".join(requires("kosbert"))] == []


def test_without_extras_each_command_works_or_names_its_extra(folder, tiny):
    check_commands(sys.executable, folder, tiny, missing=not_installed())


def test_pip_and_uv_have_the_same_pins():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert PROJECT["tool"]["uv"]["constraint-dependencies"] == PINS, "python tests/support/pins.py"
    assert with_pins(text, PINS) == text
    assert with_pins(with_pins(text, ["a==1"]), PINS) == text
    assert [pin for pin in PINS if pin.count("==") != 1 or "+" in pin] == []
    assert [*PINS] == sorted(PINS, key=str.lower)


def test_wheel_and_source_distribution_have_the_package_with_its_data_and_nothing_else(dist):
    wheel, source = dist
    tracked = {path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    package = {f"kosbert/{path.relative_to(PACKAGE)}" for path in tracked}
    assert {"kosbert/py.typed", "kosbert/report/page.html.jinja", "kosbert/apps/demo/corpus.txt"} <= package
    with ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == package
    with tarfile.open(source) as archive:
        files = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    about = {name for name in files if ".egg-info/" not in name and not name.startswith("src/kosbert/")}
    assert about == {"LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "pyproject.toml", "setup.cfg"}
    assert {name.removeprefix("src/") for name in files if name.startswith("src/kosbert/")} == package


def test_the_wheel_says_what_it_is(dist):
    with ZipFile(dist[0]) as archive:
        (path,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        about = message_from_string(archive.read(path).decode())
        entries = archive.read(path.replace("METADATA", "entry_points.txt")).decode()
    assert (about["Name"], about["Version"]) == ("kosbert", PROJECT["project"]["version"])
    assert about["License-Expression"] == "MIT"
    assert about["Requires-Python"] == PROJECT["project"]["requires-python"]
    assert sorted(about.get_all("Provides-Extra")) == EXTRAS
    assert entries.split() == ["[console_scripts]", "kosbert", "=", "kosbert.cli:main"]


def test_a_tag_is_that_of_the_version(tmp_path):
    done = make("dist", f"DIST={tmp_path / 'dist'}", tag="v9.9")
    version = PROJECT["project"]["version"]
    assert done.returncode
    assert f"the tag v9.9 is not that of version {version} in pyproject.toml, v{version}\n" in done.stderr
    assert not (tmp_path / "dist").exists()


def test_the_wheel_is_installed_and_loads_a_model(dist, tiny, tmp_path):
    python = environment(tmp_path / "venv")
    pip(python, "--no-deps", "--no-index", dist[0])
    # Our dependencies, found after the wheel. A library may have put more folders on this process's path, one a line.
    (site,) = (tmp_path / "venv/lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    assert run(python.with_name("kosbert"), "--version") == f"kosbert, version {PROJECT['project']['version']}\n"
    assert run(python, "-c", LOAD, tiny) == f"{site / 'kosbert'} (1, 32)\n"


LOAD = """
import sys, kosbert
from pathlib import Path
from importlib.resources import files
assert files("kosbert.apps.demo").joinpath("corpus.txt").read_text(encoding="utf-8")
with kosbert.load(sys.argv[1]) as encoder:
    print(Path(kosbert.__file__).parent, encoder.encode(["비가 온다."]).shape)
"""


@needs_network
def test_an_empty_environment_has_few_packages_and_each_command_works_or_names_its_extra(dist, folder, tiny, tmp_path):
    python = environment(tmp_path / "venv")
    (torch,) = (pin for pin in PINS if pin.startswith("torch=="))
    pip(python, torch, dist[0])
    packages = json.loads(run(sys.executable, "-m", "pip", "--python", python, "list", "--format", "json"))
    names = {package["name"].lower() for package in packages} - {"pip", "setuptools"}
    cuda = {name for name in names if name.startswith(("nvidia-", "cuda-", "triton"))}  # where torch is not the CPU's
    assert len(names - cuda) <= MOST_PACKAGES, sorted(names - cuda)
    check_commands(python, folder, tiny, missing=())


@needs_network
def test_uv_resolves_to_the_pins(tmp_path):
    (tmp_path / "src/kosbert").mkdir(parents=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    run(Path(sys.executable).with_name("uv"), "lock", "--quiet", "--python", sys.executable, "--project", tmp_path)
    found = tomllib.loads((tmp_path / "uv.lock").read_text(encoding="utf-8"))["package"]
    locked = {package["name"]: package["version"] for package in found}
    pins = {plain(name): version for name, version in (pin.split("==") for pin in PINS)}
    assert [(name, pin) for name, pin in pins.items() if name not in locked] == []
    assert {name: version for name, version in locked.items() if pins.get(name, version) != version} == {}


def environment(folder):
    """Make an empty environment, and return its Python."""
    venv.create(folder)
    return folder / "bin/python"


def pip(python, *arguments):
    run(sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--disable-pip-version-check", *arguments)


def run(*command):
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    words = [str(word) for word in command]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
