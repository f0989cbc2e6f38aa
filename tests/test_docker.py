"""What must hold of the image, read from its files: no builder is needed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LINES = re.sub(r"^#.*\n", "", TEXT, flags=re.M).replace("\\\n", " ").splitlines()
INSTRUCTIONS = [tuple(line.split(maxsplit=1)) for line in LINES if line.strip()]
IGNORED = [
    line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[:1] not in ("", "#")
]
KEPT = {line[1:] for line in IGNORED if line.startswith("!")}


def said(name):
    return [rest for instruction, rest in INSTRUCTIONS if instruction == name]


def last_stage():
    return INSTRUCTIONS[max(index for index, (name, _) in enumerate(INSTRUCTIONS) if name == "FROM") :]


def in_context(path):
    return any(path == kept or path.startswith(f"{kept}/") for kept in KEPT)


def test_what_runs_is_not_root():
    (user,) = [rest for name, rest in last_stage() if name == "USER"]
    assert user not in ("root", "0")
    order = [name for name, _ in last_stage()]
    assert order.index("USER") < order.index("CMD")


def test_the_base_is_pinned_and_can_be_given():
    assert {*said("FROM")} == {"${BASE} AS installed", "${BASE}"}
    (base,) = [rest for rest in said("ARG") if rest.startswith("BASE=")]
    assert re.fullmatch(r"BASE=python:3\.11-slim-[a-z]+", base)


def test_every_package_is_pinned_and_torch_is_the_cpu_build_unless_asked_otherwise():
    installs = [part for rest in said("RUN") for part in rest.split("&&") if "pip install" in part]
    assert len(installs) == 2
    assert all("--constraint constraints.txt" in install for install in installs)
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cpu" in said("ARG")
    assert "PIP_NO_CACHE_DIR=1" in said("ENV")[0]


def test_the_demo_and_the_pipeline_are_installed():
    assert "EXTRAS=demo,pipeline" in said("ARG")
    assert any('".[$EXTRAS]"' in rest for rest in said("RUN"))


@pytest.mark.parametrize("rest", [rest for rest in said("COPY") if "--from" not in rest])
def test_what_is_copied_is_there_and_not_kept_out(rest):
    *sources, _ = [word for word in rest.split() if not word.startswith("--")]
    for source in sources:
        assert (ROOT / source).exists()
        assert source == "." or in_context(source)


def test_the_context_is_a_list_of_what_goes_in():
    assert IGNORED[0] == "*"
    assert [kept for kept in KEPT if not (ROOT / kept).exists()] == []


@pytest.mark.parametrize(
    "path",
    [".git", ".venv", ".dvc/cache", "models", "data/raw", "data/tune", "data/nli", "predictions", "report", "tests"],
)
def test_no_model_no_corpus_and_no_cache_goes_in(path):
    assert not in_context(path)


def test_all_that_the_pipeline_reads_goes_in():
    for path in (
        "dvc.yaml",
        "dvc.lock",
        "params.yaml",
        ".dvc/config",
        *re.findall(r"--readme (\S+)", (ROOT / "dvc.yaml").read_text(encoding="utf-8")),
        ".dvcignore",
        "metrics",
        "stages/train.py",
    ):
        assert in_context(path)
    assert in_context("src/kosbert/cli.py")
    assert in_context("data/sample/KorSTS/sts-test.tsv")


def test_the_demo_is_watched_at_the_port_where_it_listens():
    (command,), (health,), (port,) = said("CMD"), said("HEALTHCHECK"), said("EXPOSE")
    assert f'"--port", "{port}"' in command
    assert f"http://127.0.0.1:{port}/" in health
