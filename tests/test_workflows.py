"""CI's workflows: valid, pinned, with few permissions, and with their logic in Make targets that tests call."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NOT_CALLED = ("test", "test-all", "audit", "compat")  # which run this, and which need the network
RELEASE, DOCS = (ROOT / f".github/workflows/{name}.yml" for name in ("release", "docs"))
UPLOAD = "pypa/gh-action-pypi-publish"  # the one action that is not GitHub's: the package index's own
CALLING = ("pipeline/test_difference.py", "pipeline/test_verify.py", "test_packaging.py", "test_site.py")  # targets
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def events(workflow):
    return workflow[True]  # YAML 1.1 reads `on` so


def steps(path):
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


def check_schema(path, schema="github-workflows"):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def test_there_is_one_for_tests_for_pull_requests_for_releases_and_for_each_week():
    assert [path.stem for path in WORKFLOWS] == ["benchmark", "docs", "release", "test", "weekly"]
    assert "pull_request" in events(load(ROOT / ".github/workflows/benchmark.yml"))
    assert events(load(ROOT / ".github/workflows/test.yml")) == ["push", "pull_request"]
    assert "schedule" in events(load(ROOT / ".github/workflows/weekly.yml"))
    assert events(load(RELEASE)) == {"push": {"tags": ["v*"]}}
    assert events(load(DOCS))["push"] == {"branches": ["main"]}


@each
def test_a_workflow_passes_the_schema(path, tmp_path):
    done = check_schema(path)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / path.name
    broken.write_text(path.read_text(encoding="utf-8").replace("runs-on:", "run-on:"), encoding="utf-8")
    assert check_schema(broken).returncode == 1, "the schema would find an error"


@each
def test_actions_are_githubs_own_or_the_upload_and_pinned_by_commit(path):
    used = re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(used) == len([step for step in steps(path) if "uses" in step]) > 0
    for action in used:
        assert re.fullmatch(rf"(?:actions/[a-z/-]+|{UPLOAD})@[0-9a-f]{{40}} # v\d+\.\d+\.\d+", action), action
        assert path == RELEASE or not action.startswith(UPLOAD)


def test_an_action_is_pinned_to_the_same_commit_everywhere():
    pins = {tuple(step["uses"].split("@")) for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len({action.split("/")[1] for action, _ in pins}) == len({pin for _, pin in pins})


@each
def test_every_run_is_a_make_target_that_the_tests_call(path):
    called = "".join((ROOT / "tests" / name).read_text(encoding="utf-8") for name in CALLING)
    runs = [step["run"] for step in steps(path) if "run" in step]
    assert runs
    for run in runs:
        target = re.fullmatch(r"make ([a-z-]+)", run)[1]
        assert re.search(rf'\bmake\("{target}"', called) or target in NOT_CALLED, f"no test calls make {target}"
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


@each
def test_a_job_says_its_permissions_and_may_do_little(path):
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["cancel-in-progress"] is (path != RELEASE)
    for name, job in workflow["jobs"].items():
        more = {"pull-requests": "write"} if path.stem == "benchmark" else {}
        # What publishes may do nothing else: it reads no code of ours.
        publishes = {"publish": {"id-token": "write"}, "deploy": {"id-token": "write", "pages": "write"}}
        assert job["permissions"] == publishes.get(name, {"contents": "read"} | more)
        assert job["timeout-minutes"]
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert "pull_request_target" not in path.read_text(encoding="utf-8")


def test_the_verdict_is_given_before_what_shows_it_which_then_runs_all_the_same():
    listed = steps(ROOT / ".github/workflows/benchmark.yml")
    verdict = next(index for index, step in enumerate(listed) if step.get("id") == "difference")
    assert "continue-on-error" not in listed[verdict]
    assert len(listed[verdict + 1 :]) == 3
    for step in listed[verdict + 1 :]:
        assert "!cancelled() && steps.difference.conclusion != 'skipped'" in step["if"]


def test_curves_are_drawn_while_the_cache_has_those_of_the_base():
    runs = [step.get("run") for step in steps(ROOT / ".github/workflows/benchmark.yml")]
    assert runs.index("make benchmark") < runs.index("make plots") < runs.index("make gc")


def test_a_pull_request_from_a_fork_gets_no_comment_for_its_token_cannot_write():
    (comment,) = (step for step in steps(ROOT / ".github/workflows/benchmark.yml") if step.get("run") == "make comment")
    assert "github.event.pull_request.head.repo.full_name == github.repository" in comment["if"]
    assert list(comment["env"]) == ["GH_REPO", "GH_TOKEN", "PULL_REQUEST"]


def test_a_release_is_what_was_checked_under_a_tag_that_is_its_version():
    jobs = load(RELEASE)["jobs"]
    (build,) = (step for step in jobs["build"]["steps"] if "run" in step)
    assert (build["run"], build["env"]) == ("make dist", {"TAG": "${{ github.ref_name }}"})
    *_, artefact = jobs["build"]["steps"]
    fetched, upload = jobs["publish"]["steps"]
    assert artefact["with"]["path"] == re.search(r"^DIST := (.*)$", MAKEFILE, flags=re.M)[1]
    assert fetched["with"]["name"] == artefact["with"]["name"]
    assert (jobs["publish"]["needs"], jobs["publish"]["environment"]) == ("build", "pypi")
    assert upload["uses"].startswith(f"{UPLOAD}@")
    assert "with" not in upload, "no password, and the folder is `dist`"


def test_the_published_site_is_the_one_that_was_built():
    jobs = load(DOCS)["jobs"]
    *_, build, artefact = jobs["build"]["steps"]
    assert build["run"] == "make docs"
    assert artefact["with"]["path"] == re.search(r"^SITE := (.*)$", MAKEFILE, flags=re.M)[1]
    assert (jobs["deploy"]["needs"], jobs["deploy"]["environment"]) == ("build", "github-pages")


@pytest.mark.parametrize("name", ["benchmark", "weekly"])
def test_the_metrics_are_never_those_of_the_sample(name):
    assert load(ROOT / f".github/workflows/{name}.yml")["env"]["KOSBERT_FALL_BACK"] == "no"


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("CITATION.cff", "citation-file-format"),
        (".github/ISSUE_TEMPLATE/bug.yml", "github-issue-forms"),
        (".github/ISSUE_TEMPLATE/question.yml", "github-issue-forms"),
    ],
)
def test_what_a_git_host_reads_passes_its_schema(path, schema):
    done = check_schema(ROOT / path, schema)
    assert done.returncode == 0, done.stdout


def test_the_citation_is_of_this_version_and_of_the_same_works_as_the_readme():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["version"], citation["license"]) == (project["version"], project["license"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    works = {reference["url"].rpartition("/")[2] for reference in citation["references"]}
    assert works == {*re.findall(r"(?:arXiv:|arxiv\.org/abs/)(\d+\.\d+)", readme)}


def test_pre_commit_runs_a_make_target_and_fetches_nothing():
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    assert repository["repo"] == "local"
    (hook,) = repository["hooks"]
    assert (hook["entry"], hook["pass_filenames"]) == ("make check", False)
    subprocess.run(["make", "--dry-run", "check"], cwd=ROOT, check=True, capture_output=True)
