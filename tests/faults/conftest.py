"""The finished project that each cell of the fault matrix begins with, and what the cells have come to."""

import json

import pytest
from faults.scene import SURROUNDINGS
from faults.stages import STAGES
from faults.table import write
from support.project import made_small

RESULTS = "build/faults"  # a file for each cell, so that a run of some cells leaves those of others


def pytest_addoption(parser):
    parser.addoption("--fault-table", action="store_true", help="write the table of docs/faults.md")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    cell = dict(report.user_properties).get("cell")
    if report.when == "call" and cell:
        folder = item.config.rootpath / RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join((cell["stage"], cell["fault"], cell["path"])).replace("/", "_")
        text = json.dumps(cell | {"passed": report.passed}, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return report


def pytest_sessionfinish(session):
    config = session.config
    if config.getoption("fault_table", default=False) and not hasattr(config, "workerinput"):
        write(config.rootpath / "docs/faults.md", config.rootpath / RESULTS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, root, request):
    project = made_small(root, tmp_path_factory.mktemp("faults") / "project")
    project.environment |= SURROUNDINGS | {"DVC_SITE_CACHE_DIR": str(project.folder.parent / "site")}
    project.fork()
    last = max((_stage(item) for item in request.session.items), default=0)
    project.run("dvc", "repro", *(stage.name for stage in STAGES[: last + 1]))
    return project


def _stage(item):
    """Return the place of a cell's stage in the pipeline."""
    params = item.callspec.params if hasattr(item, "callspec") else {}
    return STAGES.index(params["stage"]) if "fault" in params else 0
