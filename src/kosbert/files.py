"""Files that are complete or absent: atomic writes, and the digests that prove a file is the one meant."""

import glob
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from kosbert.errors import KosbertError

TMP_SUFFIX = ".tmp"  # ends the names of temporary folders, so that no other hidden folder is taken for one
LOCK = ".lock"  # hidden, so that an output may be called lock


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and rename it to `path` once the block has succeeded.

    The block may make a file or a folder there. On failure nothing is left, and an older `path` stays. The modes of the
    files follow the umask.

    Raises:
        KosbertError: the block made a file, and `path` is a folder.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path)
    work_dir = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=TMP_SUFFIX, dir=path.parent))
    lock = FileLock(work_dir / LOCK)
    try:
        lock.acquire()
        tmp = work_dir / path.name
        yield tmp
        _follow_umask(tmp)
        if path.is_dir() and tmp.exists():
            if not tmp.is_dir():
                raise KosbertError(f"{path}: is a folder; give the name of a file")
            path.replace(work_dir / "old")
        tmp.replace(path)
    except OSError as error:
        named = error.filename
        if error.errno and (named is None or Path(str(named)).is_relative_to(work_dir)):  # as when the disk is full
            error.filename = str(path)
        raise
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)
        lock.release()


def _follow_umask(path: Path) -> None:
    """Give files the mode of any new file: some libraries write by way of temporary ones, which only we could read."""
    probe = path.with_name(f"{path.name}.mode")
    probe.touch()
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            file.chmod(probe.stat().st_mode)


def _remove_abandoned(path: Path) -> None:
    """Remove the temporary folders of processes that were killed; a process at work holds the lock of its own."""
    for work_dir in path.parent.glob(f".{glob.escape(path.name)}.????????{TMP_SUFFIX}"):
        try:
            started = {file.name for file in work_dir.iterdir()} - {LOCK}  # else it may be about to be locked
            if started:
                with FileLock(work_dir / LOCK, blocking=False):
                    shutil.rmtree(work_dir, ignore_errors=True)
        except (Timeout, OSError):  # it is locked, or gone already
            continue


@contextmanager
def exclusive(work_dir: Path, out: Path) -> Iterator[None]:
    """Reserve a working folder, made if need be, for this process; a kill releases it.

    Args:
        work_dir: the working folder.
        out: what is being written by way of it, for the message.

    Raises:
        KosbertError: another process works in the folder.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(work_dir / LOCK, blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise KosbertError(f"{out}: another process is writing it") from None
    try:
        yield
    finally:
        lock.release()


def copy_folder(folder: Path, out: Path) -> None:
    """Copy the files of a folder to a new one, one after another, so that what fails tells its file.

    Modes follow the umask: DVC may have made the files of its cache read-only.
    """
    out.mkdir()
    for path in sorted(folder.rglob("*")):
        copy = out / path.relative_to(folder)
        if path.is_dir():
            copy.mkdir()
        else:
            shutil.copyfile(path, copy)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, complete or not at all."""
    with atomic_write(path) as tmp:
        tmp.write_text(text, encoding="utf-8", newline="\n")


def digest(path: Path, algorithm: str) -> str:
    """Return the digest of a file in hexadecimal.

    Args:
        path: the file.
        algorithm: `sha256`, or `git-blob` for the id under which git stores the content (the SHA-1 of
            `blob <length>`, NUL and the content), which repositories publish for every file.
    """
    if algorithm == "git-blob":
        state = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    else:
        state = hashlib.new(algorithm, usedforsecurity=False)  # to find damage, not forgery
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            state.update(chunk)
    return state.hexdigest()


def dvc_md5(path: Path) -> str:
    """Return the MD5 by which DVC knows a file, or a folder: that of its `dvc_listing`, with the ending `.dir`."""
    if not path.is_dir():
        return digest(path, "md5")
    return f"{hashlib.md5(dvc_listing(path), usedforsecurity=False).hexdigest()}.dir"


def dvc_listing(folder: Path) -> bytes:
    """Return what DVC keeps for a folder: the name and MD5 of each of its files, as JSON."""
    files = [file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    names = {file.relative_to(folder).as_posix(): file for file in files}
    return json.dumps([{"md5": digest(names[name], "md5"), "relpath": name} for name in sorted(names)]).encode()


def verify(path: Path, expected: str) -> None:
    """Check a file against a digest written `<algorithm>:<hexadecimal>`.

    Raises:
        KosbertError: the digests differ; the message gives both.
    """
    algorithm, _, value = expected.partition(":")
    found = digest(path, algorithm)
    if found != value:
        raise KosbertError(f"{path.name}: expected {algorithm} {value}, found {found} ({path.stat().st_size:,} bytes)")


def weights_digest(folder: Path) -> str:
    """Return the digest of the weights of a saved model: of all its safetensors files."""
    files = sorted(folder.rglob("*.safetensors"))
    return hashlib.sha256("".join(digest(file, "sha256") for file in files).encode()).hexdigest()


def tables_in(folder: Path) -> dict[str, Path]:
    """Return the tables (`.tsv`) of a folder by their names, sorted.

    Raises:
        KosbertError: there is no such folder.
    """
    if not folder.is_dir():
        raise KosbertError(f"{folder}: no such folder; `dvc repro` creates it")
    return {path.stem: path for path in sorted(folder.iterdir()) if path.suffix == ".tsv"}
