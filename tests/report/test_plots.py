"""The pictures: which there are, that they are the same bytes each time, and the numbers they show."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg

from kosbert.encoder.calibration import Calibration
from kosbert.errors import KosbertError
from kosbert.params import Average
from kosbert.report.language import english
from kosbert.report.plots import canvas
from kosbert.report.plots.curves import DEV, LOSS, curves, read_curve
from kosbert.report.plots.gallery import draw
from kosbert.report.plots.predictions import calibration, calibration_curve
from kosbert.report.plots.scores import bars, extra_bars
from kosbert.report.plots.sizes import by_size
from kosbert.report.published import PublishedResult, front, landmarks, published_by_size, published_rows

NAMES = [
    *("by_size", "scores", "scores_klue", "density_base", "density_nli", "density_sts", "density_nli_sts"),
    *("calibration_base", "calibration_nli", "calibration_sts", "calibration_nli_sts", "training_nli", "training_sts"),
]


def test_each_row_and_each_training_with_curves_has_its_pictures(gallery):
    assert [picture.name for picture in gallery.pictures] == NAMES
    for picture in gallery.pictures:
        assert ET.fromstring(picture.svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
        assert picture.png.startswith(b"\x89PNG\r\n")
        assert picture.caption.endswith(".")
        assert picture.alt


def test_a_training_without_curves_is_left_out_with_a_word(gallery):
    assert gallery.sections[-1].missing == "No curves for: NLI, then STS."


def test_all_curves_may_be_missing(results, tmp_path):
    last = draw(replace(results, rows=results.rows[:1]), tmp_path).sections[-1]
    assert last.pictures == []
    assert last.missing == "No curves for: NLI; STS; NLI, then STS."


def test_another_process_draws_the_same_bytes(small, project, paths, gallery, tmp_path):
    (tmp_path / "given.json").write_text(json.dumps({name: str(path) for name, path in paths.items()}))
    (tmp_path / "params.json").write_text(small.model_dump_json(by_alias=True))
    script = (
        "import json, sys; from pathlib import Path; from kosbert import params\n"
        "from kosbert.report.plots.canvas import write_pictures; from kosbert.report.plots.gallery import draw\n"
        "from kosbert.report.results import gather\n"
        "curves, out = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "p = params.Params.model_validate_json((out / 'params.json').read_text())\n"
        "given = {name: Path(path) for name, path in json.loads((out / 'given.json').read_text()).items()}\n"
        "gallery = draw(gather(p, **given), curves)\n"
        "write_pictures(gallery.pictures, svg=out / 'svg', png=out / 'png')\n"
    )
    subprocess.run([sys.executable, "-c", script, str(project / "curves"), str(tmp_path)], check=True)
    assert sorted(path.stem for path in (tmp_path / "svg").iterdir()) == sorted(NAMES)
    for picture in gallery.pictures:
        assert (tmp_path / f"svg/{picture.name}.svg").read_bytes() == picture.svg
        assert (tmp_path / f"png/{picture.name}.png").read_bytes() == picture.png


def test_what_an_older_run_has_drawn_is_gone(gallery, tmp_path):
    svg, png = tmp_path / "svg", tmp_path / "png"
    canvas.write_pictures(gallery.pictures, svg=svg, png=png)
    canvas.write_pictures(gallery.pictures[:1], svg=svg, png=png)
    assert [path.name for folder in (svg, png) for path in folder.iterdir()] == ["by_size.svg", "by_size.png"]


def test_published_rows_are_drawn_only_beside_those_of_the_same_dataset(small, results):
    kornlu = replace(results, params=small.model_copy(update={"dataset": "kornlu"}))
    beside, alone = ([bars(each, english), by_size(each, english)] for each in (kornlu, results))
    assert "ETRI KorBERT: NLI 70.45" in beside[0].alt
    assert "Qwen3-Embedding-8B 90.07 (7600 M)" in beside[1].alt
    assert "Grey: published, without intervals" in beside[0].caption
    assert not any("ETRI" in picture.alt or "Qwen" in picture.alt or "Grey" in picture.caption for picture in alone)


def test_each_extra_test_set_has_bars_of_our_rows_alone(results):
    (test,) = results.extra
    picture = extra_bars(results, test, english)
    scores = {row.label: test.metrics[row.name]["cosine_spearman"] for row in results.rows}
    ordered = sorted(scores, key=scores.get, reverse=True)
    assert picture.alt == "Cosine Spearman on KLUE-STS: " + "; ".join(
        f"e5-small: {label} {scores[label]:.2f}" for label in ordered
    )
    assert picture.caption == f"KLUE-STS, with 95% intervals over its {test.pairs} test pairs."


def test_a_label_in_hangul_gives_way_to_the_rows_name():
    assert canvas.plain("NLI, then STS", "nli_sts") == "NLI, then STS"
    assert canvas.plain("문장 유사도", "sts") == "sts"


@pytest.mark.filterwarnings("error")
def test_few_pairs_and_odd_labels_are_drawn_without_a_warning(results, tmp_path):
    labels = ["문장 유사도", "50 $ and $x", "<&>", "a" * 40]
    few = [
        replace(row, label=label, predictions=row.predictions.head(3))
        for row, label in zip(results.rows, labels, strict=True)
    ]
    assert len(draw(replace(results, rows=few), tmp_path).pictures) == 3 + 2 * len(few)


def test_calibration_has_groups_of_like_size_and_the_order_that_would_be_perfect():
    gold = np.array([0, 5, 1, 4, 2, 3] * 5, float)
    groups = calibration(pd.DataFrame({"gold": gold, "cosine": -gold}), bins=3)
    assert list(groups["mean"]) == [4.5, 2.5, 0.5]
    assert list(groups["perfect"]) == [0.5, 2.5, 4.5]
    assert list(groups["cosine"]) == [-4.5, -2.5, -0.5]
    assert list(groups["low"]) == [4, 2, 0]
    assert list(groups["high"]) == [5, 3, 1]


def test_the_picture_of_a_calibration_tells_the_match_where_it_is_known(results):
    row = results.rows[0]
    known = Calibration((0.1, 0.9), (0.0, 5.0), 60)
    for given, told in ((None, False), (known, False), (replace(known, match=0.58), True)):
        with canvas.styled():
            drawn = calibration_curve(replace(row, calibration=given), lowest=-1, say=english)
        assert drawn.caption.endswith("; match from 0.58.") == told


def test_fewer_pairs_than_groups_are_a_group_each():
    assert len(calibration(pd.DataFrame({"gold": [0.0, 5.0], "cosine": [0.1, 0.9]}))) == 2


def test_the_front_are_those_that_none_of_their_size_or_smaller_beats():
    given = (("a", 10, 70), ("b", 10, 71), ("c", 20, 71), ("d", 30, 75))
    results = [PublishedResult(name, size, "", score, "") for name, size, score in given]
    assert [each.name for each in front(results)] == ["b", "d"]
    assert front([]) == []


def test_the_landmarks_are_the_front_and_the_originals_encoders(chosen):
    named = landmarks(chosen.datasets["kornlu"])
    leading = front(published_by_size(chosen.datasets["kornlu"]))
    assert [each.name for each in named if each not in leading] == ["KoSentenceBERT-SKT", "KoSentenceBERT-ETRI"]
    assert [each for each in named if each in leading] == leading
    best = {}
    for (base, _), metrics in published_rows(chosen.datasets["kornlu"]).items():
        best[base] = max(best.get(base, 0), metrics["cosine_spearman"])
    assert [each.cosine_spearman for each in named if each not in leading] == [*best.values()][::-1]
    assert landmarks(chosen.datasets["sample"]) == []


def test_names_in_the_picture_of_sizes_cover_neither_each_other_nor_a_mark(results, small, monkeypatch):
    names, drawn = [], Axes.annotate

    def annotate(ax, text, *args, **kwargs):
        names.append(drawn(ax, text, *args, **kwargs))
        return names[-1]

    monkeypatch.setattr(Axes, "annotate", annotate)
    with canvas.styled():
        by_size(replace(results, params=small.model_copy(update={"dataset": "kornlu"})), english)
    shown = [name for name in names if name.get_text() and name.axes]
    assert {name.get_text() for name in shown} == {
        *results.metrics,
        *(each.name for each in landmarks(small.datasets["kornlu"])),
    }
    renderer = FigureCanvasAgg(shown[0].figure).get_renderer()
    boxes = [name.get_window_extent(renderer) for name in shown]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_the_published_results_are_in_the_order_of_size_and_score(chosen):
    keys = [(each.millions, each.cosine_spearman) for each in published_by_size(chosen.datasets["kornlu"])]
    assert keys == sorted(keys) != []


@pytest.mark.parametrize(
    "text", ["", "step\tloss\n1\t2\n", "step\tcosine_spearman\n1\tgood\n", "a\tb\n1\t2\t3\t4\n5\n"]
)
def test_curves_that_are_no_curves_are_a_clear_error(tmp_path, text):
    path = tmp_path / DEV.name
    path.write_text(text)
    with pytest.raises(KosbertError) as error:
        read_curve(path)
    assert error.value.message.startswith(f"{path}: expected the columns step and cosine_spearman")


def test_a_training_too_short_for_a_loss_has_a_picture_but_one_without_a_dev_score_has_none(project, tmp_path):
    shutil.copytree(project / "curves/nli", tmp_path, dirs_exist_ok=True)
    assert "loss from 0.5000 to 0.2500" in curves("nli", "NLI", tmp_path, average=None, say=english).alt
    assert "average" not in curves("nli", "NLI", tmp_path, average=None, say=english).caption
    assert curves("nli", "NLI", tmp_path, average=Average(runs=3, states=2, init=0.3), say=english).caption.endswith(
        "This is the first of 3 runs; an average of their weights is kept."
    )
    (tmp_path / LOSS).unlink()
    assert curves("nli", "NLI", tmp_path, average=None, say=english).alt.endswith("its best, 72.25, at step 10.")
    (tmp_path / DEV).write_text("step\tcosine_spearman\n")
    assert curves("nli", "NLI", tmp_path, average=None, say=english) is None
