"""The digests in a model's folder: what sha256sum writes and checks, and what loading a changed folder says."""

import hashlib
import json
import shutil
import subprocess

import pytest
from support.refusals import check_line
from support.rot import flip

import kosbert
from kosbert.encoder.calibration import Calibration
from kosbert.encoder.model import load, save
from kosbert.encoder.sums import SUMS
from kosbert.errors import KosbertError
from kosbert.inference.export import export
from kosbert.inference.manifest import MANIFEST

CHANGED = "download or train the model again, or delete SHA256SUMS if you changed it yourself"
README = "README.md"


@pytest.fixture(scope="module")
def saved(tiny, tmp_path_factory):
    out = tmp_path_factory.mktemp("saved") / "model"
    save(load(tiny), out, card="the card", calibration=Calibration((0.1, 0.9), (0.5, 4.5), 10))
    return out


@pytest.fixture
def folder(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "model")


def listed(folder):
    return [line.split("  ")[1] for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]


def files(folder):
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def passes_sha256sum(folder):
    command = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    return subprocess.run(command, cwd=folder, check=False).returncode == 0


def test_all_files_but_the_card_have_a_digest_that_sha256sum_checks(saved):
    assert listed(saved) == sorted({*files(saved)} - {README, SUMS})
    if shutil.which("sha256sum"):
        assert passes_sha256sum(saved)


def test_the_same_model_has_the_same_digests(saved, tmp_path):
    save(load(saved), tmp_path / "again", card="another card", calibration=Calibration((0.1, 0.9), (0.5, 4.5), 10))
    assert (tmp_path / "again" / SUMS).read_bytes() == (saved / SUMS).read_bytes()


def test_one_bit_of_any_file_is_one_line_that_names_it(saved, tmp_path):
    for name in listed(saved):
        folder = shutil.copytree(saved, tmp_path / name.replace("/", "-"))
        flip(folder / name)
        with pytest.raises(KosbertError) as error:
            load(folder)
        assert error.value.message == f"{folder}: {name} is not as it was written, says SHA256SUMS; {CHANGED}"
        (folder / name).unlink()
        if name != "modules.json":
            with pytest.raises(KosbertError, match=f"{folder}: {name} is missing, says SHA256SUMS; {CHANGED}"):
                load(folder)


def test_card_and_files_of_ones_own_may_change(folder):
    (folder / README).write_text("another card")
    (folder / "notes.txt").write_text("mine")
    load(folder)


def test_without_digests_a_model_loads_as_it_is(folder):
    (folder / SUMS).unlink()
    (folder / "config_sentence_transformers.json").unlink()
    load(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"\xff\xfe",
        b"0" * 64 + b"  ../other/model.safetensors\n",
        b"0" * 64 + b"  /etc/passwd\n",
        b"0" * 64 + b"  a\x1b[31m\n",
        b"0" * 63 + b"  config.json\n",
        b"no digest\n" * 200_000,
        b"0" * 64 + b"  " + b"a" * 500_000,
    ],
)
def test_digests_that_are_none_or_lead_out_of_the_folder_are_one_line(folder, content):
    (folder / SUMS).write_bytes(content)
    with pytest.raises(KosbertError, match="expected a digest and a file of this folder in each line") as error:
        load(folder)
    check_line(error.value.format_message())


@pytest.mark.parametrize("weights", [True, False])
def test_an_export_has_digests_of_what_it_has(saved, tmp_path, weights):
    out = tmp_path / "out"
    export(str(saved), out, weights=weights)
    alone = {name for name in files(out) if name.startswith("openvino/")}
    assert listed(out) == sorted({*files(out)} - {README, SUMS} - alone)
    assert MANIFEST in listed(out)
    if shutil.which("sha256sum"):
        assert passes_sha256sum(out)
    for name in (MANIFEST, "calibration.json"):
        changed = shutil.copytree(out, tmp_path / name)
        content = (changed / name).read_bytes()
        (changed / name).write_bytes(content.replace(b'"prompt": ""', b'"prompt": "x"').replace(b"0.5", b"0.6"))
        with pytest.raises(KosbertError, match=f"{name} is not as it was written, says {SUMS}"):
            kosbert.load(changed)


@pytest.mark.parametrize(
    "values", [{"dimensions": 31}, {"dimensions": 10**400}, {"prompt": "\ud800"}, {"prompt": "x" * 20_000}]
)
def test_an_export_without_digests_that_says_nonsense_of_itself_is_one_line(tiny, tmp_path, values):
    export(str(tiny), tmp_path / "out")
    (tmp_path / "out" / SUMS).unlink()
    file = tmp_path / "out" / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | values))
    with pytest.raises(KosbertError, match="a damaged export") as error:
        kosbert.load(tmp_path / "out")
    check_line(error.value.format_message())


def test_digests_are_those_of_the_bytes(saved):
    for line in (saved / SUMS).read_text(encoding="utf-8").splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((saved / name).read_bytes()).hexdigest() == digest
