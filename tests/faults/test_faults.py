"""Each stage of dvc.yaml under each fault: a clear end, nothing half-written, and the next run recovers.

`make test` runs a selection; `make faults` runs all, and writes the table of docs/reliability.md.
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

CELLS = [
    pytest.param(stage, fault, path, id=f"{stage.name}-{fault.name}-{path}")
    for stage in STAGES
    for fault in FAULTS
    for path in (stage.inputs if fault.each_input else stage.inputs[:1])
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
    if fault.not_for and not stage.web:
        record_property("cell", cell | {"end": "not applicable", "said": [], "left": [], "why": fault.not_for})
        return
    end = expected(fault, stage)
    with fault.spoil(scene, stage, scene.folder / path):
        spoiled = tree(scene.folder)
        code, said = scene.run()
        now = tree(scene.folder)
    text = "\n".join(said)
    left = sorted(set(now) - set(spoiled))
    record_property("cell", cell | {"end": end, "said": said, "left": left, "why": ""})
    assert "Traceback" not in text, text
    if end == SAME:
        assert code == 0, text
        drafts = {name for name in now if "/." in name}  # of one that is at work beside this one
        assert {name: now[name] for name in now.keys() - drafts - {"params.yaml"}}.items() <= scene.whole.items()
        assert now.keys() - drafts == scene.whole.keys()
    elif end == LINE:
        assert code == 255, text
        told = [*dropwhile(lambda line: not re.match(r"Error: |ERROR: |Aborted!", line), said)]
        assert 0 < len(told) <= FEW, text
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
    if end != SAME:
        scene.recover()


def test_the_document_has_every_stage_and_every_fault(root):
    text = (root / "docs/reliability.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in text.split("###")[0].splitlines() if line[:1] == "|"]
    assert head == [f"`{stage.name}`" for stage in STAGES]
    assert [row[0] for row in rows] == [fault.name for fault in FAULTS]
    assert {len(row) for row in rows} == {len(STAGES) + 1}


def test_the_matrix_has_every_stage_of_the_pipeline(root):
    pipeline = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert [stage.name.partition("@")[0] for stage in STAGES] == list(pipeline)
