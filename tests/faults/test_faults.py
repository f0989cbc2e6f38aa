"""Each stage of dvc.yaml under each fault: a clear end, nothing half-written, and the next run recovers.

`make test` runs a selection, `make test-all` the others; `make faults` runs all and writes the document's table.
"""

import re
import subprocess
from itertools import dropwhile

import pytest
import yaml
from faults.faults import FAULTS, KILLED, LINE, REFUSED, SAME, expected
from faults.scene import before, tree
from faults.stages import STAGES
from faults.table import BEGIN, END

FEW = 6  # lines that a user reads about a failure

# In every run of the tests: one fault of each stage that reads models, and of the quick stages those that no other test
# brings about.
SELECTION = {
    "download": ("SIGKILL", "slow network", "EUC-KR locale"),
    "prepare": (
        *("SIGKILL", "SIGINT at the start", "full disk", "corrupt input", "two at once"),
        *("rot in the cache", "edited during the run"),
    ),
    "base_model": ("full disk",),
    "train@sts": ("SIGKILL",),
    "evaluate@sts": ("truncated input",),
    "resample": ("SIGINT",),
    "report": ("missing input",),
}


def marks(stage, fault, path):
    selected = fault.name in SELECTION[stage.name] and path == fault.paths(stage)[0]
    return () if selected else pytest.mark.exhaustive


CELLS = [
    pytest.param(stage, fault, path, marks=marks(stage, fault, path), id=f"{stage.name}-{fault.name}-{path}")
    for stage in STAGES
    for fault in FAULTS
    for path in fault.paths(stage)[: None if fault.applies_to(stage) else 1]
]


@pytest.fixture
def scene(request, finished, tmp_path):
    stage, fault = request.getfixturevalue("stage"), request.getfixturevalue("fault")
    scene = before(finished, tmp_path / fault.moved, stage.name)
    yield scene
    if scene.mounted:
        subprocess.run(["umount", "--lazy", scene.folder], check=True)


@pytest.mark.parametrize(("stage", "fault", "path"), CELLS)
def test_a_fault_ends_clearly_and_the_next_run_recovers(scene, stage, fault, path, record_property):
    cell = {"stage": stage.name, "fault": fault.name, "path": path}
    if not fault.applies_to(stage):
        record_property("cell", cell | {"end": "not applicable", "said": [], "left": [], "why": fault.not_for})
        return
    end = expected(fault, stage)
    with fault.spoil(scene, stage, scene.folder / path):
        spoiled = tree(scene.folder)
        code, said = scene.run()
        now = tree(scene.folder)
    text = "\n".join(said)
    left = sorted(set(now) - set(spoiled))
    told = next((line for line in said if fault.tells and re.search(fault.tells, line)), "")
    record_property("cell", cell | {"end": end, "said": said, "left": left, "why": told and f"`{told}`"})
    assert "Traceback" not in text, text
    assert bool(told) == bool(fault.tells), text
    if end == SAME:
        assert code == 0, text
        drafts = {name for name in now if "/." in name}  # of one that is at work beside this one
        assert {name: now[name] for name in now.keys() - drafts - {"params.yaml"}}.items() <= scene.whole.items()
        assert now.keys() - drafts == scene.whole.keys()
    elif end == LINE:
        assert code == 255, text
        lines = [*dropwhile(lambda line: not re.match(r"Error: |ERROR: |Aborted!", line), said)]
        assert 0 < len(lines) <= FEW, text
        assert not scene.recorded()
    elif end == REFUSED:
        assert code == 255, text
        assert "busy" in text
    elif end == KILLED:
        assert code == -9, text
    if end in (LINE, KILLED):
        # A process that is killed cannot tidy up, checkpoints are there to stay, and curves grow as a training goes on:
        # what else is there is whole.
        half = {
            name: now[name]
            for name in left
            if not re.search(r"^curves/|(^|/)\.", name) and now[name] != scene.whole.get(name)
        }
        assert half == {}
    if fault.advice and not stage.web:
        scene.follow(fault.advice)
    if end != SAME:
        scene.recover()


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("    sts:\n      train:\n", "    sts:\n      more: 1\n      train:\n", "params.yaml, datasets.sample.sts"),
        ("dataset: sample", "dataset: kornlu", "params.yaml, dataset"),
        ("seed: 42", "seed: 43", ""),
    ],
    ids=["a key of the stage's own", "its value", "of other stages"],
)
def test_a_parameter_that_is_edited_during_the_run_counts_if_it_is_the_stages(finished, tmp_path, old, new, changed):
    scene = before(finished, tmp_path / "project", "prepare")
    path = scene.folder / "params.yaml"
    text = path.read_text(encoding="utf-8")
    edited = text.replace(old, new)
    assert edited != text
    scene.environment |= {"FAULT_EDIT": str(path), "FAULT_TEXT": edited}
    code, said = scene.run()
    scene.environment.clear()
    assert path.read_text(encoding="utf-8") == edited
    assert scene.recorded() == (not changed)
    assert code == (255 if changed else 0), said
    if changed:
        assert any(line.startswith(f"Error: {changed}: changed while this stage ran") for line in said), said
        path.write_text(text, encoding="utf-8")
        scene.recover()


def test_the_document_has_every_stage_and_every_fault(root):
    text = (root / "docs/faults.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.split("###")[0].splitlines() if line[:1] == "|"]
    assert head == [f"`{stage.name}`" for stage in STAGES]
    assert [row[0] for row in rows] == [fault.name for fault in FAULTS]
    assert {len(row) for row in rows} == {len(STAGES) + 1}


def test_the_matrix_has_every_stage_of_the_pipeline(root):
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert [stage.name.partition("@")[0] for stage in STAGES] == list(pipeline)
