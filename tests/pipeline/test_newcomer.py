"""A newcomer's way: each command and each piece of Python that the documentation shows is run.

They run in a copy of the small project, with the files that they name, an empty home and no network.
"""

import json
import re
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pyarrow
import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from pyarrow import parquet
from support.project import Project
from support.readme import blocks, blocks_of, commands, english

from kosbert import params

# How the commands begin that are not run here, and why.
NOT_RUN = {
    "make test": "runs this",
    "source": "sets PATH, as the tests do",
    "pip install": "needs a package index",
    "uv sync": "likewise",
    "hf upload": "needs an account on a hub",
    "kosbert mteb": "needs the hub, and hours; tests/apps/test_mteb.py runs it on a task of its own",
    "docker": "needs a daemon; tests/test_docker.py reads the files",
    "dvc exp run --queue": "six trainings; test_sweep.py runs fewer",
    "dvc exp run --run-all": "likewise",
    "dvc exp show": "likewise",
    "kosbert spread": "likewise",
    "mv .dvc/cache": "needs another disk",
    "dvc cache dir": "likewise",
    "dvc config --local cache.type": "likewise",
    "dvc checkout --relink": "likewise",
    "kosbert serve": "does not end; here it answers curl and OpenAI's client",
    "make demo": "does not end; here it answers curl",
    "curl": "asks one of them; likewise",
    "git push": "needs a git repository that others share; test_team.py has one",
    "dvc get URL": "likewise",
    "dvc import URL": "likewise",
    "dvc artifacts get URL": "likewise",
    "dvc pull": "likewise",
    "ssh gpu": "needs another machine; docs/remote.md says what was tried there",
    "git clone URL": "likewise",
    "dvc exp run --name on-gpu": "likewise",
    "dvc exp push": "likewise",
    "dvc exp pull": "likewise",
    "dvc exp apply on-gpu": "likewise",
    "mkdir -p /disk": "likewise",
    "export PET_": "needs two; tests/training/test_hosts.py has them",
    "export GLOO_": "likewise",
    "sky": "needs an account of a cloud",
}
# Trainings of hours, or on a base that is not within reach: here DVC sets their parameters, and ours are asked.
ONLY_SET = ("dvc exp run -S base_model=", "dvc exp run -S training.")
EXITS = {"kosbert publish": 1}  # the figures of the sample are not to be published

# Ours run in one process, which imports the libraries once.
OURS = """
import json, sys
from click.testing import CliRunner
from kosbert.cli import main
for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(main, words)
    print(json.dumps([done.exit_code, done.output, repr(done.exception)]))
"""


def shown(root):
    """The commands, those first that make the branch with which others compare."""
    ordered = sorted(blocks(root, "sh"), key=lambda block: "git switch" not in block)
    return [words for block in ordered for words in commands(block)]


def begins(words, *starts):
    return " ".join(words).startswith(starts)


def chosen(root, *, ours):
    return [
        words for words in shown(root) if not begins(words, *NOT_RUN, *ONLY_SET) and (words[0] == "kosbert") == ours
    ]


def snippets(*, client):
    """Return each piece of Python: those that are a client of our server, or the others."""
    pages = {path.name: path.read_text(encoding="utf-8") for path in english(Path(__file__).parents[2])}
    return [
        pytest.param(block, id=f"{name}-{place}")
        for name, text in pages.items()
        for place, block in enumerate(blocks_of(text, "python"), start=1)
        if ("localhost:8000" in block) == client
    ]


@pytest.fixture(scope="module")
def walked(project, sentences, tmp_path_factory):
    """A copy of the project, with the files that the documentation names."""
    folder = shutil.copytree(project.folder, tmp_path_factory.mktemp("newcomer") / "the project")
    copy = Project(folder)
    who = {f"GIT_{role}_{what}": f"t@{what}" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    copy.environment = project.environment | who | {"PYTHONPATH": str(folder / "src")}

    def write(name, *lines):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    values = copy.params()  # the small project lacks the model that the documentation uses most
    values["recipes"]["best"] = values["recipes"]["nli_sts"]
    values["report"]["rows"]["best"] = "best"
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    copy.run("dvc", "repro")
    copy.git("commit", "-q", "-a", "-m", "best")

    write("corpus.txt", *sentences)
    write("sentences.txt", *sentences[:40])
    write("queries.csv", "query", *sentences[:2])
    write("texts.tsv", "id\tsentence", *(f"{number}\t{text}" for number, text in enumerate(sentences[:20])))
    parquet.write_table(pyarrow.table({"text": sentences}), folder / "corpus.parquet")
    pairs = zip(sentences[:20], sentences[1:21], range(20), strict=True)
    rows = ("\t".join([one, other, str(score)] * 2) for one, other, score in pairs)
    write("pairs.tsv", "sentence1\tsentence2\tscore\tleft\tright\tlabel", *rows)
    return copy


def test_each_exception_is_of_a_command_that_is_shown(root):
    assert [
        start for start in (*NOT_RUN, *ONLY_SET, *EXITS) if not any(begins(one, start) for one in shown(root))
    ] == []


@pytest.fixture(scope="module")
def done(walked, root):
    """What our commands have done: of each its words, and its code, output and error; what two pages show runs once."""
    given = [list(words) for words in dict.fromkeys(map(tuple, chosen(root, ours=True)))]
    said = walked.run("python", "-c", OURS, json.dumps([words[1:] for words in given]))
    results = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
    return [(words, *result) for words, result in zip(given, results, strict=True)]


def test_our_commands_run(walked, done):
    assert {"evaluate", "publish", "search", "index", "cluster", "encode", "export"} <= {
        name for (_, name, *_), *_ in done
    }
    for words, code, output, error in done:
        expected = next((code for start, code in EXITS.items() if begins(words, start)), 0)
        assert code == expected, f"{words}:\n{output}{error}"
        assert code == 0 or output.startswith("Error: ")
    for name in ("figures.json", "similarities.tsv", "groups.svg", "embeddings.parquet", "exported", "index"):
        assert (walked.folder / name).exists()


@pytest.mark.usefixtures("done")
@pytest.mark.parametrize("block", snippets(client=False))
def test_the_python_code_runs(walked, block):
    """After the commands, for some of it reads what they write."""
    walked.run("python", "-c", block)


def test_every_other_command_runs(walked, root):
    said = {}
    for program, *arguments in chosen(root, ours=False):
        run = walked.make if program == "make" else walked.run
        said[shlex.join([program, *arguments])] = run(*(() if program == "make" else (program,)), *arguments)
    assert "The table is in metrics/performance.md" in said["make benchmark"]
    assert "\nDataset `sample`: " in said["make benchmark"]
    longer = said["dvc exp run -S recipes.sts.epochs=4"]
    ran = re.findall(r"Running stage '([^']+)'", longer)
    assert sorted(ran) == ["evaluate@sts", "report", "resample", "train@sts"]
    difference = said["dvc metrics diff main longer --md"]
    assert "metrics/sts.json" in difference
    assert "metrics/nli.json" not in difference


def test_each_experiment_that_is_too_long_to_run_sets_parameters_that_there_are(root, tmp_path):
    for words in (words for words in shown(root) if begins(words, *ONLY_SET)):
        file = shutil.copy(root / "params.yaml", tmp_path)
        apply_overrides(file, [words[place + 1] for place, word in enumerate(words) if word == "-S"])
        assert params.load(tmp_path / "params.yaml") != params.load(root / "params.yaml"), words


@contextmanager
def serving(walked, *command):
    """Run a server on a free port, for that of the documentation may be taken, and yield the port."""
    with subprocess.Popen(
        [*command, "--port", "0"], cwd=walked.folder, env=walked.environment, stdout=subprocess.PIPE, text=True
    ) as server:
        try:
            yield re.search(r"http://127\.0\.0\.1:(\d+)[ /]", server.stdout.readline())[1]
        finally:
            server.terminate()


def answers_to_curl(walked, root, path, port):
    """Yield what is answered to each curl command that asks for a path."""
    asked = [words for words in shown(root) if words[0] == "curl" and path in words[1]]
    assert asked
    for words in asked:
        command = [word.replace(":8000/", f":{port}/") for word in words]
        yield json.loads(walked.run(*command, "--silent", "--retry", "9", "--retry-connrefused"))


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_demo_answers_curl(walked, root):
    with serving(walked, *shlex.split(walked.make("--dry-run", "demo"))) as port:
        for answer in answers_to_curl(walked, root, "/api/", port):
            assert len(answer["hits"]) == 3


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_server_answers_curl_and_openais_client(walked, root):
    served = next(words for words in shown(root) if begins(words, "kosbert serve"))
    with serving(walked, *served) as port:
        for answer in answers_to_curl(walked, root, "/v1/", port):
            assert len(answer["data"][0]["embedding"]) == 32
        for snippet in snippets(client=True):
            (block,) = snippet.values
            said = walked.run("python", "-c", block.replace(":8000/", f":{port}/"))
            assert re.fullmatch(r"2 embeddings of \d+ tokens\n", said)


def test_a_mirror_is_where_the_files_come_from(walked, tmp_path):
    mirror = shutil.copytree(walked.folder / "data/sample", tmp_path / "a mirror")
    values = walked.params()
    values["datasets"]["sample"]["sources"] = ["$KORNLU_MIRROR"]
    (walked.folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    assert "no mirror is set" in walked.run("dvc", "repro", "-f", "download", expect=255)
    walked.environment["KORNLU_MIRROR"] = str(mirror)
    assert str(mirror) in walked.run("dvc", "repro", "download")
    assert (walked.folder / "data/raw/KorSTS/sts-test.tsv").exists()


def test_nothing_was_written_outside_the_project_but_caches_of_pictures_and_of_torch(walked):
    def left(variable):
        folder = walked.environment[variable]
        return {path.name for path in (walked.folder / folder).iterdir()}

    assert left("HOME") <= {".cache", ".config"}
    home = walked.folder / walked.environment["HOME"]
    assert {path.name for folder in home.iterdir() for path in folder.iterdir()} <= {"matplotlib"}
    assert {name for name in left("TMPDIR") if not name.startswith("torchinductor_")} == set()


def test_make_clean_leaves_what_git_has_and_what_a_user_has_put_there(walked):
    own = ("003_bert_eojeol_pytorch/pytorch_model.bin", ".dvc/config.local")
    made = (
        ".venv/bin/python",
        "build/difference.md",
        "mteb-results/a.json",
        ".mypy_cache/a",
        "src/kosbert.egg-info/a",
    )
    for name in (*own, *made):
        (walked.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (walked.folder / name).touch()
    walked.git("clone", "-q", ".", ".dvc/tmp/exps/one")  # as DVC does for an experiment in a folder of its own
    before = walked.git("status", "--porcelain")
    walked.make("clean")
    ignored = re.findall(r"^!! (.*)$", walked.git("status", "--porcelain", "--ignored"), flags=re.M)
    assert sorted(ignored) == [".dvc/config.local", "003_bert_eojeol_pytorch/"]
    assert walked.git("status", "--porcelain") == before
