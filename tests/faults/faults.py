"""The faults of the matrix: each spoils a scene for the length of a block, and says how the stage has to end."""

import http.server
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import pytest
import yaml
from faults.scene import Scene, tree
from faults.stages import STAGES, Stage
from support.rot import flip

from kosbert.files import digest

SAME, LINE, KILLED, REFUSED = "same result", "one clear line", "ends at once", "the other is refused"


def main_input(stage: Stage) -> tuple[str, ...]:
    return stage.inputs[:1]


def each_input(stage: Stage) -> tuple[str, ...]:
    return stage.inputs


def code(stage: Stage) -> tuple[str, ...]:
    return stage.code


def files_of_a_checkpoint(_: Stage) -> tuple[str, ...]:
    return "optimizer.pt", "scheduler.pt", "model.safetensors"


@dataclass(frozen=True)
class Fault:
    """A way to spoil a scene.

    Args:
        name: in the table.
        spoil: a context manager of a scene, a stage and a path among its inputs; after it the surroundings are well
            again. What was done to inputs stays: the next run has to notice.
        end: how a run has to end under it.
        does: what is done, for the document.
        paths: the files of a stage, each of which it is tried on.
        moved: where the project lies, below a temporary folder.
        only_for: the stages that it is applicable to; empty: all.
        not_for: why it is not applicable to the others.
        tells: what the user has to read, as a regular expression.
        advice: the command that the user is told to run before the next run.
    """

    name: str
    spoil: Callable[[Scene, Stage, Path], object]
    end: str
    does: str
    paths: Callable[[Stage], tuple[str, ...]] = main_input
    moved: str = "project"
    only_for: tuple[str, ...] = ()
    not_for: str = ""
    tells: str = ""
    advice: tuple[str, ...] = ()

    def applies_to(self, stage: Stage) -> bool:
        """Return whether it can be brought about for a stage."""
        return not self.only_for or stage.name in self.only_for


@cache
def _can(*command: str) -> bool:
    return bool(shutil.which(command[0])) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _need(*command: str) -> None:
    if not _can(*command, "true"):
        pytest.skip(f"this machine does not let us run {' '.join(command)}")


@contextmanager
def signalled(scene: Scene, stage: Stage, _: Path, *, name: str, early: bool = False) -> Iterator[None]:
    scene.environment |= {"FAULT_SIGNAL": name, "FAULT_AT": "0" if early else str(stage.strike)}
    yield
    scene.environment.clear()


@contextmanager
def full_disk(scene: Scene, stage: Stage, __: Path) -> Iterator[None]:
    """Move the project to a file system of its own, with room for half of what the stage is to write."""
    _need("unshare", "--mount")
    whole = {path for path in scene.whole if scene.start.get(path) != scene.whole[path]}
    sizes = [(scene.finished / path).stat().st_size for path in whole if (scene.finished / path).is_file()]
    folder, aside = scene.folder, scene.folder.with_name("aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "none", folder], check=True)
    scene.mounted = True
    shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(aside)
    used = shutil.disk_usage(folder).used
    room = max(sum(sizes) // 2, 4096) + (3 * sum(sizes) if stage.name.startswith("train") else 0)  # two checkpoints
    subprocess.run(["mount", "-o", f"remount,size={used + room}", folder], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,size=200m", folder], check=True)


def _obeying_permissions() -> tuple[str, ...]:
    """Return what has to stand before a command so that permissions hold for it, also where the tests run as root."""
    if os.geteuid():
        return ()
    lacking = "-dac_override,-dac_read_search"
    prefix = ("setpriv", f"--bounding-set={lacking}", f"--inh-caps={lacking}")
    _need(*prefix)
    return prefix


@contextmanager
def read_only(scene: Scene, stage: Stage, _: Path) -> Iterator[None]:
    scene.prefix = _obeying_permissions()
    parents = [scene.folder / parent for parent in stage.parents]
    made = [parent for parent in parents if not parent.exists()]
    for parent in parents:
        parent.mkdir(exist_ok=True)
        parent.chmod(0o555)
    yield
    for parent in parents:
        parent.chmod(0o755)
    for parent in made:
        parent.rmdir()
    scene.prefix = ()


@contextmanager
def unreadable(scene: Scene, _: Stage, path: Path) -> Iterator[None]:
    scene.prefix = _obeying_permissions()
    path.chmod(0)
    yield
    path.chmod(0o644)
    scene.prefix = ()


def _spoiled(change: Callable[[Path], object]) -> Callable[[Scene, Stage, Path], object]:
    @contextmanager
    def spoil(_: Scene, stage: Stage, path: Path) -> Iterator[None]:
        before = path.read_bytes()
        change(path)
        yield
        if stage.name == "download":  # what the pipeline itself cannot make again
            path.write_bytes(before)

    return spoil


def _corrupted(path: Path) -> None:
    content = path.read_bytes()
    third = len(content) // 3
    path.write_bytes(content[:third] + bytes(range(255, 127, -1)) + content[third:])


@contextmanager
def rot(scene: Scene, stage: Stage, path: Path, *, cached: bool = False) -> Iterator[None]:
    """Change a bit, and leave what DVC looks at; with `cached`, the same bit in DVC's copy too."""
    scene.dvc("status")  # so that DVC has its size and time
    before, md5 = path.read_bytes(), digest(path, "md5")
    if cached:
        copy = scene.folder / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
        copy.chmod(0o644)
        flip(copy)
    flip(path)
    yield
    if stage.name == "download":
        path.write_bytes(before)


@contextmanager
def edited(scene: Scene, _: Stage, path: Path) -> Iterator[None]:
    text = path.read_text(encoding="utf-8")
    scene.environment |= {"FAULT_EDIT": str(path), "FAULT_TEXT": f"{text}# edited\n"}
    yield
    scene.environment.clear()


@contextmanager
def damaged_checkpoint(scene: Scene, stage: Stage, path: Path) -> Iterator[None]:
    """Kill a training in its second checkpoint, and change a bit in the first."""
    with signalled(scene, stage, path, name="SIGKILL"):
        scene.run()
    (whole,) = (scene.folder / "models/.checkpoints").rglob("checkpoint-*/complete.json")
    flip(whole.with_name(path.name))
    yield


@contextmanager
def without_end(scene: Scene, _: Stage, __: Path) -> Iterator[None]:
    """Serve files that never end, their length unsaid."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                while True:
                    self.wfile.write(bytes(1 << 20))

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Handler, scene):
        yield


@contextmanager
def no_network(scene: Scene, stage: Stage, _: Path) -> Iterator[None]:
    _need("unshare", "--net")
    scene.prefix = ("unshare", "--net")
    with _from("http://127.0.0.1:9", scene) if stage.web else nullcontext():
        yield
    scene.prefix = ()


@contextmanager
def slow_network(scene: Scene, _: Stage, __: Path) -> Iterator[None]:
    """Serve the upstream files a kilobyte at a time, with a pause after each."""
    folder = scene.folder / "data/sample"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = (folder / self.path.lstrip("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for start in range(0, len(content), 1024):
                self.wfile.write(content[start : start + 1024])
                self.wfile.flush()
                time.sleep(0.05)

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Handler, scene):
        yield


@contextmanager
def _serving(handler: type[http.server.BaseHTTPRequestHandler], scene: Scene) -> Iterator[None]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with _from(f"http://127.0.0.1:{server.server_port}", scene):
            yield
        server.shutdown()


@contextmanager
def _from(source: str, scene: Scene) -> Iterator[None]:
    path = scene.folder / "params.yaml"
    before = path.read_text(encoding="utf-8")
    values = yaml.safe_load(before)
    values["datasets"]["sample"]["sources"] = [source]
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    yield
    path.write_text(before, encoding="utf-8")


@contextmanager
def two_at_once(scene: Scene, _: Stage, __: Path) -> Iterator[None]:
    """Start a `dvc repro` whose stage waits in the middle of its work, so that the scene's own is the second."""
    gate = scene.folder.with_name("gate")
    gate.touch()
    scene.environment["FAULT_WAIT"] = str(gate)
    first = subprocess.Popen(**scene.command("dvc", "repro", "-s", scene.stage))
    scene.environment.clear()
    before = tree(scene.folder)
    while tree(scene.folder) == before and first.poll() is None:
        time.sleep(0.2)
    yield
    gate.unlink()
    said, _ = first.communicate(timeout=300)
    assert first.returncode == 0, said
    assert tree(scene.folder) == scene.whole, "the first has not come to the whole result"


@contextmanager
def surroundings(scene: Scene, _: Stage, __: Path, **values: str) -> Iterator[None]:
    scene.environment |= values
    yield
    scene.environment.clear()


@contextmanager
def nothing(*_: object) -> Iterator[None]:
    yield


OTHER_LOCALE = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
EUC_KR = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "euc-kr"}
REPAIR = ("kosbert", "verify", "--repair")
WEB = tuple(stage.name for stage in STAGES if stage.web)
OFFLINE = "it opens no connection: without a network it has the same result"

FAULTS = (
    Fault(
        "SIGKILL",
        partial(signalled, name="SIGKILL"),
        KILLED,
        "`dvc repro` and all it has started are killed as the stage puts a file in place",
    ),
    Fault("SIGINT", partial(signalled, name="SIGINT"), LINE, "Ctrl-C at that same moment"),
    Fault(
        "SIGINT at the start",
        partial(signalled, name="SIGINT", early=True),
        LINE,
        "Ctrl-C while the stage still loads its libraries",
    ),
    Fault(
        "full disk", full_disk, LINE, "the project lies on a file system with room for half of what the stage writes"
    ),
    Fault("read-only output", read_only, LINE, "the folders that it writes into are read-only"),
    Fault(
        "corrupt input", _spoiled(_corrupted), LINE, "128 bytes that are no UTF-8 stand in an input", paths=each_input
    ),
    Fault(
        "truncated input",
        _spoiled(lambda path: os.truncate(path, path.stat().st_size // 2)),
        LINE,
        "the second half of an input is gone",
    ),
    Fault("missing input", _spoiled(Path.unlink), LINE, "an input is gone"),
    Fault("wrong permissions", unreadable, LINE, "the user may not read an input"),
    Fault(
        "rot",
        rot,
        LINE,
        "one bit of an input is another; its size and its time are as before",
        paths=each_input,
        tells=r"not as the stage \w+(@\w+)? wrote it|expected sha256",
        advice=REPAIR,
    ),
    Fault(
        "rot in the cache",
        partial(rot, cached=True),
        LINE,
        "the same, and the same bit of the copy in DVC's cache",
        paths=each_input,
        only_for=tuple(stage.name for stage in STAGES if not stage.web),
        not_for="no stage made its input, so DVC has no copy",
        tells=r"not as the stage \w+(@\w+)? wrote it",
        advice=REPAIR,
    ),
    Fault(
        "input without end",
        without_end,
        LINE,
        "the source sends bytes for ever",
        only_for=WEB,
        not_for="its inputs are files that stages made, and DVC reads them to their end before it runs",
        tells="more than [0-9,]+ bytes",
    ),
    Fault(
        "edited during the run",
        edited,
        LINE,
        "a line is added to code of the stage as it puts its first file in place",
        paths=code,
        tells="changed while this stage ran",
    ),
    Fault(
        "damaged checkpoint",
        damaged_checkpoint,
        SAME,
        "a training was killed, and one bit of its last complete checkpoint is another",
        paths=files_of_a_checkpoint,
        only_for=("train@sts",),
        not_for="it writes no checkpoints",
        tells="this checkpoint is damaged",
    ),
    Fault("no network", no_network, SAME, "the stage runs in a namespace without a network"),
    Fault("slow network", slow_network, SAME, "the source sends 20 kB a second", only_for=WEB, not_for=OFFLINE),
    Fault("two at once", two_at_once, REFUSED, "a second `dvc repro` of the stage starts while the first works"),
    Fault(
        "clock jump",
        partial(surroundings, CLOCK_JUMP="1"),
        SAME,
        "the clock goes forward by a day, and back, again and again",
    ),
    Fault(
        "another locale",
        partial(surroundings, **OTHER_LOCALE),
        SAME,
        "ASCII is the encoding of the terminal and of files",
    ),
    Fault(
        "EUC-KR locale",
        partial(surroundings, **EUC_KR),
        SAME,
        "EUC-KR is the encoding of the terminal, and ASCII that of files",
    ),
    Fault(
        "Korean path",
        nothing,
        SAME,
        "the project lies in a folder whose name has spaces and Korean letters",
        moved="한글 폴더/a b/프로젝트",
    ),
    Fault(
        "hash seed",
        partial(surroundings, PYTHONHASHSEED="1"),
        SAME,
        "`PYTHONHASHSEED` is another than in the run before",
    ),
)


def expected(fault: Fault, stage: Stage) -> str:
    """Return how a stage ends under a fault."""
    return LINE if fault.name == "no network" and stage.web else fault.end
