import hashlib
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kosbert.command import Command
from kosbert.errors import KosbertError
from kosbert.files import atomic_write, digest, exclusive, verify, weights_digest, write_text

TEXT = "한국어 문장\n"


def tree(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def put_folder(path, name, text):
    path.mkdir()
    (path / name).write_text(text)


def invoke(body):
    return CliRunner().invoke(Command("stage", callback=body))


def test_a_written_file_is_in_place_alone_also_under_folders_that_were_missing(tmp_path):
    with atomic_write(tmp_path / "a" / "b" / "file") as tmp:
        tmp.write_text(TEXT)
        assert not (tmp_path / "a" / "b" / "file").exists()
    assert tree(tmp_path) == {"a/b/file": TEXT}
    assert entries(tmp_path / "a" / "b") == ["file"]


def test_a_written_file_replaces_the_older_one(tmp_path):
    (tmp_path / "file").write_text("old and longer")
    with atomic_write(tmp_path / "file") as tmp:
        tmp.write_text("new")
        assert (tmp_path / "file").read_text() == "old and longer"
    assert tree(tmp_path) == {"file": "new"}
    assert entries(tmp_path) == ["file"]


def test_a_written_folder_replaces_the_older_one_with_all_that_was_in_it(tmp_path):
    put_folder(tmp_path / "model", "old", "1")
    with atomic_write(tmp_path / "model") as tmp:
        put_folder(tmp, "new", "2")
        assert tree(tmp_path / "model") == {"old": "1"}
    assert tree(tmp_path) == {"model/new": "2"}
    assert entries(tmp_path) == ["model"]


def test_a_file_never_replaces_a_folder(tmp_path):
    put_folder(tmp_path / "results", "mine", "1")
    with pytest.raises(KosbertError, match=r"results: is a folder; give the name of a file"):
        write_text(tmp_path / "results", "{}")
    assert tree(tmp_path) == {"results/mine": "1"}
    assert entries(tmp_path) == ["results"]


@pytest.mark.parametrize("failure", [ValueError("x"), OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("old", [True, False], ids=["over old content", "at a new path"])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_failed_write_leaves_old_content_and_no_temporary_file(tmp_path, kind, old, failure):
    path = tmp_path / "out"
    put = path.__class__.write_text if kind == "file" else lambda folder, text: put_folder(folder, "inside", text)
    if old:
        put(path, "old")
    before = (tree(tmp_path), entries(tmp_path))
    with pytest.raises(type(failure)), atomic_write(path) as tmp:
        put(tmp, "half")
        raise failure
    assert (tree(tmp_path), entries(tmp_path)) == before


def test_a_full_disk_is_reported_with_the_path_that_was_to_be_written(tmp_path):
    def body():
        with atomic_write(tmp_path / "out"):
            raise OSError(28, "No space left on device")

    assert invoke(body).output == f"Error: {tmp_path}/out: No space left on device\n"


def test_written_text_is_utf8_with_unix_line_ends(tmp_path):
    write_text(tmp_path / "text", "가\n나\n")
    assert (tmp_path / "text").read_bytes() == b"\xea\xb0\x80\n\xeb\x82\x98\n"


@pytest.mark.parametrize("content", [b"", b"a\r\nb\n", TEXT.encode() * 200_000], ids=["empty", "crlf", "large"])
def test_digests_are_those_of_git_and_hashlib(tmp_path, content):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert digest(path, "sha256") == hashlib.sha256(content).hexdigest()
    if shutil.which("git"):
        command = ["git", "hash-object", "--no-filters", path]
        assert digest(path, "git-blob") == subprocess.check_output(command, text=True).strip()


def test_the_git_blob_digest_is_the_id_git_documents(tmp_path):
    (tmp_path / "file").write_bytes(b"test content\n")  # the example of the Git Book
    assert digest(tmp_path / "file", "git-blob") == "d670460b4b4aece5915caf5c68d12f560a9fe3e4"


def test_verify_passes_the_right_file_and_names_both_hashes_of_a_wrong_one(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"right")
    right = {name: digest(path, name) for name in ("sha256", "git-blob")}
    for algorithm, value in right.items():
        verify(path, f"{algorithm}:{value}")
    path.write_bytes(b"wrong!")
    for algorithm, value in right.items():
        with pytest.raises(KosbertError) as caught:
            verify(path, f"{algorithm}:{value}")
        found = digest(path, algorithm)
        assert caught.value.message == f"file: expected {algorithm} {value}, found {found} (6 bytes)"


def test_an_error_of_the_system_is_one_line_with_path_and_reason(tmp_path):
    result = invoke((tmp_path / "missing").read_text)
    assert result.exit_code == 1
    assert result.output == f"Error: {tmp_path}/missing: No such file or directory\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "Error: No space left on device\n"),
        (OSError("no number"), "Error: no number\n"),
        (KosbertError("file: what is wrong"), "Error: file: what is wrong\n"),
    ],
)
def test_an_error_is_one_line_on_stderr_also_without_a_path(error, line):
    def body():
        raise error

    result = invoke(body)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", line)


def test_a_mistake_of_ours_keeps_its_traceback():
    result = invoke(lambda: int("one"))
    assert isinstance(result.exception, ValueError)


def test_the_next_write_removes_the_temporary_folder_of_a_killed_process_and_no_other(tmp_path):
    killed = tmp_path / ".file.abcdefgh.tmp"
    put_folder(killed, "file", "half")
    with atomic_write(tmp_path / "file") as first:
        assert not killed.exists()
        first.write_text("first")
        write_text(tmp_path / "file", "second")
        assert first.exists()
    assert tree(tmp_path) == {"file": "first"}
    assert entries(tmp_path) == ["file"]


def test_only_one_process_at_a_time_works_in_a_folder_and_a_kill_releases_it(tmp_path):
    work_dir, out = tmp_path / ".out.parts", tmp_path / "out"
    script = (
        "import sys; from pathlib import Path; from kosbert.files import exclusive\n"
        f"with exclusive(Path({str(work_dir)!r}), Path({str(out)!r})):\n"
        "    print('working', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "working\n"
        with pytest.raises(KosbertError, match=rf"^{out}: another process is writing it$"), exclusive(work_dir, out):
            pass
        process.kill()
    for _ in range(2):
        with exclusive(work_dir, out):
            assert work_dir.is_dir()


def test_the_digest_of_weights_is_that_of_all_safetensors_files_and_of_nothing_else(tmp_path):
    for name in ("a", "b"):
        put_folder(tmp_path / name, "model.safetensors", "weights")
        put_folder(tmp_path / name / "2_Dense", "model.safetensors", "more")
        (tmp_path / name / "README.md").write_text(name)
    assert weights_digest(tmp_path / "a") == weights_digest(tmp_path / "b")
    (tmp_path / "b/2_Dense/model.safetensors").write_text("other")
    assert weights_digest(tmp_path / "a") != weights_digest(tmp_path / "b")


def test_a_hidden_folder_of_another_kind_stays(tmp_path):
    put_folder(tmp_path / ".file.building", "file", "an index in the making")
    write_text(tmp_path / "file", "first")
    assert (tmp_path / ".file.building/file").exists()
