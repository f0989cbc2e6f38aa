"""`kosbert cluster` as a user has it: groups on the screen, in files and as a picture, and one line for what is bad."""

import csv
import json
import logging
import shutil
import sys
from xml.etree import ElementTree

import pytest
from support.commands import invoked
from support.everyday import THEMES

from kosbert.apps import clustering
from kosbert.cli import main
from kosbert.commands.cluster import ALIKE, SAME_TOPIC
from kosbert.encoder.calibration import Calibration, write_calibration

SENTENCES = [sentence for theme in THEMES.values() for sentence in theme]


def kosbert(*arguments, code=0):
    return invoked("cluster", *arguments, code=code).output


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "sentences.txt"
    path.write_text("\n".join([SENTENCES[0], "", *SENTENCES[1:], SENTENCES[0]]) + "\n", encoding="utf-8")
    return path


def test_a_table_shows_groups_with_their_central_sentences(tiny, file):
    shown = kosbert(tiny, file, "--groups", 12)
    assert shown.split("\n")[2].split(maxsplit=2) == ["1", "2", SENTENCES[0]]
    assert all(sentence in shown for sentence in SENTENCES)


def test_csv_and_json_have_every_sentence_with_its_place_in_the_file(tiny, file, tmp_path):
    kosbert(tiny, file, "--groups", 3, "--format", "csv", "--out", tmp_path / "new/groups.csv")
    with (tmp_path / "new/groups.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    assert [row["sentence"] for row in rows] == [*SENTENCES, SENTENCES[0]]
    assert [int(row["number"]) for row in rows] == [1, *range(3, 15)]
    found = json.loads(kosbert(tiny, file, "--groups", 3, "--format", "json"))
    assert [str(entry["group"]) for entry in found["sentences"]] == [row["group"] for row in rows]
    central = {entry["group"]: entry["sentence"] for entry in found["sentences"] if entry["central"]}
    assert central == {group["group"]: group["central"] for group in found["groups"]}
    assert sum(group["sentences"] for group in found["groups"]) == 13


def test_sentences_in_no_community_are_counted_and_have_no_group(tiny, file):
    options = (tiny, file, "--method", "communities", "--similarity", 1, "--smallest", 2)
    assert "11 of 13 sentences are in no group." in kosbert(*options)
    groups = [entry["group"] for entry in json.loads(kosbert(*options, "--format", "json"))["sentences"]]
    assert groups == [1, *[None] * 11, 1]


def test_a_picture_names_the_central_sentences_as_text(tiny, file, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        for name in ("one.svg", "two.svg", "three.png"):
            kosbert(tiny, file, "--groups", 4, "--picture", tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()
    assert (tmp_path / "three.png").read_bytes().startswith(b"\x89PNG")
    texts = " ".join(ElementTree.parse(tmp_path / "one.svg").getroot().itertext())  # noqa: S314 - our own file
    groups = json.loads(kosbert(tiny, file, "--groups", 4, "--format", "json"))["groups"]
    assert all(group["central"] in " ".join(texts.split()) for group in groups)


def test_markup_and_codes_in_a_sentence_stay_text(tiny, tmp_path):
    file = tmp_path / "odd.txt"
    file.write_text("<script>alert(1)</script> $x$ &\n\x1b[31m빨간 글씨\n", encoding="utf-8")
    assert "\x1b" not in kosbert(tiny, file, "--groups", 2, "--picture", tmp_path / "odd.svg")
    texts = " ".join(ElementTree.parse(tmp_path / "odd.svg").getroot().itertext())  # noqa: S314 - our own file
    assert "<script>alert(1)</script>" in texts


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--distance", 0.5), "--distance is an option of --method agglomerative, but the method is kmeans"),
        (
            ("--method", "communities", "--groups", 2),
            "--groups is an option of --method kmeans, but the method is communities",
        ),
        (("--groups", 13), "13 groups for only 12 distinct sentences; choose 1 to 12"),
        (("--picture", "groups.pdf"), "groups.pdf: expected a file name that ends in .svg or .png"),
        (("--column", "sentence"), "--column is for tables"),
    ],
)
def test_bad_options_are_one_line(tiny, file, options, line):
    output = kosbert(tiny, file, *options, code=1)
    assert line in output
    assert output.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"\n \n", "no texts in it"), ("눈".encode("cp949"), "not UTF-8"), (b"a\0b\n", "NUL"), (None, "No such file")],
)
def test_a_bad_file_is_one_line_and_writes_nothing(tiny, tmp_path, content, line):
    file = tmp_path / "bad.txt"
    if content is not None:
        file.write_bytes(content)
    output = kosbert(tiny, file, "--out", tmp_path / "out.txt", code=1)
    assert line in output
    assert output.count("\n") == 1
    assert not (tmp_path / "out.txt").exists()


def test_too_many_to_merge_are_refused_before_any_model_is_loaded(file, tmp_path, monkeypatch):
    monkeypatch.setattr(clustering, "MAX_AGGLOMERATIVE", 5)
    output = kosbert(tmp_path / "no model", file, "--method", "agglomerative", code=1)
    assert "use communities" in output
    assert output.count("\n") == 1


def test_a_folder_is_never_overwritten(tiny, file, tmp_path):
    (tmp_path / "kept").mkdir()
    for option in ("--out", "--picture"):
        assert "is a directory" in kosbert(tiny, file, option, tmp_path / "kept", code=2)
    assert (tmp_path / "kept").is_dir()


CALIBRATION = Calibration(cosine=(-1.0, 0.95, 1.0), score=(0.0, 1.0, 5.0), pairs=100)


@pytest.fixture(scope="module")
def calibrated(tiny, tmp_path_factory):
    folder = shutil.copytree(tiny, tmp_path_factory.mktemp("calibrated") / "model")
    write_calibration(folder, CALIBRATION)
    return folder


@pytest.mark.parametrize(
    ("method", "option", "score"), [("agglomerative", "--distance", SAME_TOPIC), ("communities", "--similarity", ALIKE)]
)
def test_what_counts_as_alike_is_what_the_model_means_by_a_cosine(tiny, calibrated, file, *, method, option, score):
    cosine = CALIBRATION.cosine_of(score)
    own = invoked("cluster", calibrated, file, "--method", method, "--format", "json")
    assert f"threshold: {cosine:.3f}, the cosine that this model gives pairs with a score of {score:g} out of 5" in (
        own.stderr
    )
    given = 1 - cosine if option == "--distance" else cosine
    said = invoked("cluster", calibrated, file, "--method", method, option, given, "--format", "json")
    assert said.stdout == own.stdout
    assert said.stderr == ""
    refused = kosbert(tiny, file, "--method", method, code=1)
    assert f"has no calibration, so its cosines have no default threshold; set {option}" in refused


def test_a_model_whose_cosines_tell_nothing_is_one_line(calibrated, file, tmp_path):
    model = shutil.copytree(calibrated, tmp_path / "flat")
    write_calibration(model, Calibration(cosine=(0.5,), score=(2.5,), pairs=9))
    output = kosbert(model, file, "--method", "communities", code=1)
    assert "covers scores from 2.5 to 2.5, not 3.5" in output
    assert output.count("\n") == 1


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_where_standard_output_is_closed_nothing_fails(tiny, file, monkeypatch, form):
    monkeypatch.setattr(sys, "stdout", None)
    main(["cluster", f"{tiny}", f"{file}", "--groups", "3", "--format", form], standalone_mode=False)
