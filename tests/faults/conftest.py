"""The finished project that each cell of the fault matrix begins with, and the option that runs the whole matrix."""

import json

import pytest
from faults.stages import STAGES
from faults.table import write
from support.project import made_small

# In every run of the tests: faults of stages that take a second, but for those that other tests have brought about.
SELECTION = {
    "download": ("SIGKILL", "slow network", "EUC-KR locale"),
    "prepare": (
        *("SIGKILL", "SIGINT at the start", "full disk", "corrupt input", "two at once"),
        *("rot in the cache", "edited during the run"),
    ),
}
RESULTS = "build/faults"  # a file for each cell, so that a run of some cells leaves those of others


def pytest_addoption(parser):
    parser.addoption("--all-faults", action="store_true", help="run the whole fault matrix, and write its table")


def all_faults(config):
    return config.getoption("all_faults", default=False)


def pytest_collection_modifyitems(config, items):
    if all_faults(config):
        return
    left_out = [item for item in items if "fault" in _values(item) and not _selected(**_values(item))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _values(item):
    return item.callspec.params if hasattr(item, "callspec") else {}


def _selected(stage, fault, path):
    return fault.name in SELECTION.get(stage.name, ()) and path == fault.paths(stage)[0]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    cell = dict(report.user_properties).get("cell")
    if report.when == "call" and cell and all_faults(item.config):
        folder = item.config.rootpath / RESULTS
        folder.mkdir(parents=True, exist_ok=True)
        name = "-".join((cell["stage"], cell["fault"], cell["path"])).replace("/", "_")
        text = json.dumps(cell | {"passed": report.passed}, ensure_ascii=False, indent=1)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return report


def pytest_sessionfinish(session):
    if all_faults(session.config):
        write(session.config.rootpath / "docs/reliability.md", session.config.rootpath / RESULTS)


@pytest.fixture(scope="session")
def finished(tmp_path_factory, root, pytestconfig):
    project = made_small(root, tmp_path_factory.mktemp("faults") / "project")
    project.environment["DVC_SITE_CACHE_DIR"] = str(project.folder.parent / "site")
    names = [stage.name for stage in STAGES] if all_faults(pytestconfig) else list(SELECTION)
    project.run("dvc", "repro", *names)
    return project
