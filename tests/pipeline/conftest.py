"""The project that all tests of the pipeline share: each leaves it as it found it, after one whole `dvc repro`."""

import pytest
from support.project import as_a_newcomer, made_small


@pytest.fixture(scope="session")
def project(tmp_path_factory, root):
    project = made_small(root, tmp_path_factory.mktemp("pipeline") / "a project with spaces, 한글")
    as_a_newcomer(project, tmp_path_factory.mktemp("machine"))
    project.fork()
    project.first_log = project.run("dvc", "repro")
    project.git("add", ".")
    project.git("commit", "-q", "-m", "run")
    return project
