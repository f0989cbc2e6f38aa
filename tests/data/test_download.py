import os
import resource
import shutil
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from kosbert import params
from kosbert.data import download as downloads
from kosbert.errors import KosbertError
from kosbert.files import digest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "data" / "sample"
FILES = ["KorSTS/sts-train.tsv", "KorSTS/sts-dev.tsv", "KorSTS/sts-test.tsv", "KorNLI/nli.train.ko.tsv"]
TRAIN = FILES[0]
TRAIN_SHA = "cb2757e1473944ca8b161328cfdc2e4cce2ee8c713b2ce72f8bf1d7ffa98b27e"
CORRUPT = b"not the file\n"


class Handler(BaseHTTPRequestHandler):
    """Serve the sample; `troubles` of the server says for a path what goes wrong at each of its next requests."""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path[1:]
        self.server.asked.append(f"{self.command} {path}")
        troubles = self.server.troubles.get(path, [])
        trouble = troubles.pop(0) if troubles else None
        if callable(trouble):
            trouble(self)
            return
        if isinstance(trouble, int) or not (SAMPLE / path).is_file():
            self.send_error(trouble or 404)
            return
        content = trouble if isinstance(trouble, bytes) else (SAMPLE / path).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content[:1000] if trouble == "cut" else content)

    def log_message(self, *_):
        pass

    def trickle(self, first=b""):
        """Send a byte every twentieth of a second, for as long as somebody listens."""
        self.wfile.write(first)
        while not self.server.closing.wait(0.05):
            self.wfile.write(b"1\r\nx\r\n" if b"chunked" in first else b"x")

    def finish(self):
        with suppress(OSError):  # nobody listens any more
            super().finish()

    def handle(self):
        with suppress(OSError):
            super().handle()


@pytest.fixture
def server(monkeypatch):
    """Serve the sample on this machine, and record the seconds slept between attempts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.asked, server.troubles, server.slept, server.closing = [], {}, [], threading.Event()
    monkeypatch.setattr(downloads.time, "sleep", server.slept.append)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()
    thread.join(timeout=10)


@pytest.fixture
def refusing_url(monkeypatch):
    """Give an address at which nothing listens."""
    monkeypatch.setattr(downloads.time, "sleep", lambda _: None)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch):
    monkeypatch.delenv("KORNLU_MIRROR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def corrupt(tmp_path):
    """Give a mirror whose first file is not the one meant."""
    mirror = tmp_path / "corrupt"
    for path in FILES:
        (mirror / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SAMPLE / path, mirror / path)
    (mirror / TRAIN).write_bytes(CORRUPT)
    return mirror


def dataset(*mirrors, extra=None):
    """Return the sample with these mirrors; without its extra scored pairs, or with those mirrors of theirs."""
    sample = params.load(ROOT / "params.yaml").datasets["sample"]
    sets = {name: from_mirrors(each, extra) for name, each in sample.sts.extra.items()} if extra else {}
    return from_mirrors(sample, mirrors).model_copy(update={"sts": sample.sts.model_copy(update={"extra": sets})})


def from_mirrors(block, mirrors):
    return block.model_copy(update={"mirrors": [str(mirror) for mirror in mirrors]})


def files(folder):
    """Return all files under a folder, hidden ones too."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def refusal(data, out):
    with pytest.raises(KosbertError) as caught:
        downloads.download(data, out)
    return caught.value.message


def is_the_sample(out):
    return files(out) == sorted(FILES) and all(
        (out / path).read_bytes() == (SAMPLE / path).read_bytes() for path in FILES
    )


def run_stage(folder, *mirrors, out="raw", **popen):
    """Run stages/download.py in a folder with a params.yaml that chooses the sample from these mirrors."""
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["dataset"] = "sample"
    values["datasets"]["sample"]["sources"] = [str(mirror) for mirror in mirrors]
    values["datasets"]["sample"]["sts"]["extra"]["spoken"]["sources"] = [str(SAMPLE / "spoken")]
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    command = [sys.executable, ROOT / "stages" / "download.py", "--out", out]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False, **popen
    )


def test_the_mirror_of_the_environment_comes_first_and_is_left_out_when_unset(monkeypatch):
    data = dataset("$KORNLU_MIRROR", "one/", "https://host/two/")
    assert downloads.mirrors(data) == ["one", "https://host/two"]
    monkeypatch.setenv("KORNLU_MIRROR", "")
    assert downloads.mirrors(data) == ["one", "https://host/two"]
    monkeypatch.setenv("KORNLU_MIRROR", "/a/mirror")
    assert downloads.mirrors(data) == ["/a/mirror", "one", "https://host/two"]


def test_the_real_datasets_ask_the_mirror_of_the_environment_first(monkeypatch):
    monkeypatch.setenv("KORNLU_MIRROR", "/a/mirror")
    real = params.load(ROOT / "params.yaml").datasets
    assert [downloads.mirrors(real[name])[0] for name in ("kornlu", "kornlu-full")] == ["/a/mirror"] * 2


def test_every_file_comes_from_the_first_mirror_that_has_it(tmp_path, monkeypatch, server):
    monkeypatch.setenv("KORNLU_MIRROR", str(SAMPLE))
    out = tmp_path / "out"
    assert downloads.download(dataset("$KORNLU_MIRROR", server.url), out) == dict.fromkeys(FILES, str(SAMPLE))
    assert is_the_sample(out)
    assert server.asked == []


@pytest.mark.parametrize("trouble", ["corrupt", "missing", "a folder"])
def test_a_file_that_a_mirror_lacks_or_has_wrong_comes_from_the_next(tmp_path, corrupt, trouble):
    if trouble != "corrupt":
        (corrupt / TRAIN).unlink()
    if trouble == "a folder":
        (corrupt / TRAIN).mkdir()
    came_from = downloads.download(dataset(corrupt, SAMPLE), tmp_path / "out")
    assert came_from == {path: str(SAMPLE if path == TRAIN else corrupt) for path in FILES}
    assert is_the_sample(tmp_path / "out")


def test_when_all_mirrors_fail_one_message_says_what_was_tried_and_what_to_do(tmp_path, corrupt, server, refusing_url):
    server.troubles[TRAIN] = [404]
    out = tmp_path / "out"
    assert refusal(
        dataset("$KORNLU_MIRROR", corrupt, tmp_path / "none", server.url, refusing_url), out
    ).splitlines() == [
        f"{TRAIN} could not be downloaded (expected sha256 {TRAIN_SHA}). Tried:",
        f"  {corrupt}: sts-train.tsv: expected sha256 {TRAIN_SHA}, "
        f"found {digest(corrupt / TRAIN, 'sha256')} ({len(CORRUPT)} bytes)",
        f"  {tmp_path}/none: no such file or directory",
        f"  {server.url}: the server answered 404 Not Found",
        f"  {refusing_url}: no connection",
        "Connect to the network, or set KORNLU_MIRROR to a folder that has the files, then run the same command again.",
    ]
    assert files(out) == []


def test_without_any_mirror_the_message_says_so(tmp_path):
    assert refusal(dataset("$KORNLU_MIRROR"), tmp_path / "out").splitlines() == [
        f"{TRAIN} could not be downloaded (expected sha256 {TRAIN_SHA}). Tried:",
        "  no mirror is set",
        "Connect to the network, or set KORNLU_MIRROR to a folder that has the files, then run the same command again.",
    ]


def test_a_failed_download_leaves_only_complete_files_and_the_next_run_completes_it(tmp_path, corrupt):
    shutil.copy(SAMPLE / TRAIN, corrupt / TRAIN)
    (corrupt / FILES[2]).write_bytes(CORRUPT)
    out = tmp_path / "out"
    assert refusal(dataset(corrupt), out).startswith(f"{FILES[2]} could not be downloaded ")
    assert files(out) == sorted(FILES[:2])
    downloads.download(dataset(corrupt, SAMPLE), out)
    assert is_the_sample(out)


def test_a_file_already_in_place_is_replaced_only_by_the_right_one(tmp_path, corrupt):
    out = tmp_path / "out"
    (out / TRAIN).parent.mkdir(parents=True)
    (out / TRAIN).write_text("from an earlier dataset")
    refusal(dataset(corrupt), out)
    assert (out / TRAIN).read_text() == "from an earlier dataset"
    downloads.download(dataset(SAMPLE), out)
    assert is_the_sample(out)


def test_files_come_over_http(tmp_path, server):
    assert downloads.download(dataset(server.url + "/"), tmp_path / "out") == dict.fromkeys(FILES, server.url)
    assert is_the_sample(tmp_path / "out")
    assert server.asked == [f"GET {path}" for path in FILES]
    assert server.slept == []


@pytest.mark.parametrize(
    "troubles", [[503, 503], ["cut", "cut"], [503, "cut"]], ids=["unavailable twice", "cut off twice", "one of each"]
)
def test_a_server_that_fails_twice_is_asked_again_after_growing_waits(tmp_path, server, troubles):
    server.troubles[TRAIN] = troubles
    downloads.download(dataset(server.url), tmp_path / "out")
    assert is_the_sample(tmp_path / "out")
    assert server.asked[:4] == [f"GET {TRAIN}"] * 3 + [f"GET {FILES[1]}"]
    assert server.slept == [1, 2]


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (503, "the server answered 503 Service Unavailable"),
        ("cut", "the connection broke off"),
    ],
)
def test_a_server_that_fails_three_times_is_given_up(tmp_path, server, trouble, reason):
    server.troubles[TRAIN] = [trouble] * 4
    assert refusal(dataset(server.url), tmp_path / "out").splitlines()[1] == f"  {server.url}: {reason}"
    assert server.asked == [f"GET {TRAIN}"] * 3
    assert files(tmp_path / "out") == []


def test_a_server_that_lacks_a_file_is_asked_once(tmp_path, server):
    server.troubles[TRAIN] = [404]
    assert downloads.download(dataset(server.url, SAMPLE), tmp_path / "out")[TRAIN] == str(SAMPLE)
    assert server.asked == [f"GET {path}" for path in FILES]
    assert server.slept == []


def test_extra_pairs_come_from_mirrors_of_their_own_each_file_from_the_one_that_has_it(tmp_path, server):
    one = tmp_path / "one"
    one.mkdir()
    shutil.copy(SAMPLE / "spoken/test.json", one)
    out = tmp_path / "out"
    mirrors = [one, f"{server.url}/spoken"]
    assert downloads.download(dataset(SAMPLE, extra=mirrors), out) == dict.fromkeys(FILES, str(SAMPLE)) | {
        "spoken/test.json": str(one),
        "spoken/train.csv": f"{server.url}/spoken",
    }
    assert files(out) == sorted([*FILES, "spoken/test.json", "spoken/train.csv"])
    assert (out / "spoken/train.csv").read_bytes() == (SAMPLE / "spoken/train.csv").read_bytes()
    assert server.asked == ["GET spoken/train.csv"]


def test_without_its_extra_pairs_a_dataset_is_neither_downloaded_nor_present(tmp_path):
    out, data = tmp_path / "out", dataset(SAMPLE, extra=[tmp_path])
    lines = refusal(data, out).splitlines()
    assert lines[0].startswith("test.json could not be downloaded (expected sha256 ")
    assert lines[1:] == [
        f"  {tmp_path}: no such file or directory",
        "Connect to the network, then run the same command again.",
    ]
    assert files(out) == sorted(FILES)
    assert not downloads.present(data, out)
    shutil.copytree(SAMPLE / "spoken", out / "spoken", dirs_exist_ok=True)
    assert downloads.present(data, out)
    (out / "spoken/train.csv").write_bytes(CORRUPT)
    assert not downloads.present(data, out)


def test_klue_asks_the_mirror_of_the_environment_first(monkeypatch):
    monkeypatch.setenv("KLUE_MIRROR", "/a/mirror")
    for name in ("kornlu", "kornlu-full"):
        klue = params.load(ROOT / "params.yaml").datasets[name].sts.extra["klue"]
        assert downloads.mirrors(klue)[:2] == ["/a/mirror", "../shared/klue"]


def test_a_server_that_hands_out_another_file_is_not_believed(tmp_path, server):
    server.troubles[TRAIN] = [CORRUPT]
    came_from = downloads.download(dataset(server.url, SAMPLE), tmp_path / "out")
    assert came_from[TRAIN] == str(SAMPLE)
    assert is_the_sample(tmp_path / "out")


ENDLESS = b"HTTP/1.1 200 OK\r\n\r\n"
SLOW = {
    "a body": ENDLESS,
    "a body of a known length": b"HTTP/1.1 200 OK\r\nContent-Length: 32213\r\n\r\n",
    "a body of chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a status": b"",
    "a header": b"HTTP/1.1 200 OK\r\nX: ",
}


@pytest.mark.parametrize("first", SLOW.values(), ids=SLOW)
def test_a_server_that_trickles_is_given_up(tmp_path, server, monkeypatch, first):
    monkeypatch.setattr(downloads, "PATIENCE", 0.5)
    server.troubles[TRAIN] = [lambda handler: handler.trickle(first)] * 4
    assert refusal(dataset(server.url), tmp_path / "out").splitlines()[1] == (
        f"  {server.url}: received less than 65,536 bytes in 0.5 seconds"
    )
    assert server.asked == [f"GET {TRAIN}"] * 3
    assert files(tmp_path / "out") == []


def test_a_server_that_never_ends_is_given_up_at_once(tmp_path, server, monkeypatch):
    def flood(handler):
        handler.wfile.write(ENDLESS)
        while not server.closing.is_set():
            handler.wfile.write(bytes(1 << 20))

    monkeypatch.setattr(downloads, "LARGEST", 10_000_000)
    server.troubles[TRAIN] = [flood]
    assert refusal(dataset(server.url), tmp_path / "out").splitlines()[1] == (
        f"  {server.url}: it has more than 10,000,000 bytes, so it is not the expected file"
    )
    assert server.asked == [f"GET {TRAIN}"]
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("trouble", ["a pipe", "a device", "a file that waits"])
def test_a_file_without_end_comes_from_the_next_mirror(tmp_path, corrupt, monkeypatch, trouble):
    (corrupt / TRAIN).unlink()
    if trouble == "a pipe":
        os.mkfifo(corrupt / TRAIN)
    elif trouble == "a device":
        (corrupt / TRAIN).symlink_to("/dev/zero")
    else:  # a pipe that passes for a file
        os.mkfifo(corrupt / TRAIN)
        monkeypatch.setattr(downloads, "S_ISREG", lambda _: True)
        monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    came_from = downloads.download(dataset(corrupt, SAMPLE), tmp_path / "out")
    assert came_from == {path: str(SAMPLE if path == TRAIN else corrupt) for path in FILES}
    assert is_the_sample(tmp_path / "out")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n", "Invalid IPv6 URL"),
        (b"HTTP/1.1 404 \x1b[2Jgone\x07\r\nContent-Length: 0\r\n\r\n", "the server answered 404 [2Jgone"),
        (b"\x00\x1b]0;x\x07\r\n\r\n", "no connection"),
    ],
    ids=["a redirection to no address", "terminal codes", "no HTTP"],
)
def test_an_odd_answer_is_one_line(tmp_path, server, head, reason):
    server.troubles[TRAIN] = [lambda handler: handler.wfile.write(head)] * 3
    assert refusal(dataset(server.url), tmp_path / "out").splitlines()[1] == f"  {server.url}: {reason}"
    assert files(tmp_path / "out") == []


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 1000000000000\r\n"])
def test_a_redirection_is_followed_and_what_it_holds_is_not_read(tmp_path, server, head):
    sent = []

    def redirect(handler):
        handler.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: /KorSTS/sts-train.tsv\r\n" + head + b"\r\n")
        while not server.closing.is_set():
            sent.append(handler.wfile.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n"))

    server.troubles[TRAIN] = [redirect]
    downloads.download(dataset(server.url), tmp_path / "out")
    assert is_the_sample(tmp_path / "out")
    assert server.asked[:2] == [f"GET {TRAIN}"] * 2
    assert sum(sent) < 50_000_000


def test_an_odd_length_does_not_matter(tmp_path, server):
    content = (SAMPLE / TRAIN).read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"
    server.troubles[TRAIN] = [lambda handler: handler.wfile.write(head + content)]
    downloads.download(dataset(server.url), tmp_path / "out")
    assert is_the_sample(tmp_path / "out")


def test_a_server_that_trickles_has_no_dataset(server, monkeypatch):
    monkeypatch.setattr(downloads, "PATIENCE", 0.2)
    server.troubles.update({path: [lambda handler: handler.trickle()] for path in FILES})
    assert not downloads.reachable(dataset(server.url))


def test_a_dataset_is_reachable_when_some_mirror_has_some_file(tmp_path, server, refusing_url):
    assert downloads.reachable(dataset(tmp_path, SAMPLE))
    assert not downloads.reachable(dataset(tmp_path, refusing_url, "$KORNLU_MIRROR"))
    assert downloads.reachable(dataset(refusing_url, server.url))
    assert server.asked == [f"HEAD {TRAIN}"]  # asked for, not fetched
    server.troubles.update({path: [404] for path in FILES})
    assert not downloads.reachable(dataset(server.url))


def test_a_dataset_is_present_when_every_file_is_there_and_right(tmp_path, corrupt):
    assert downloads.present(dataset(), SAMPLE)
    assert not downloads.present(dataset(), corrupt)
    (corrupt / TRAIN).unlink()
    assert not downloads.present(dataset(), corrupt)
    assert not downloads.present(dataset(), tmp_path / "none")


def test_the_stage_writes_the_files_and_says_where_each_came_from(tmp_path, corrupt):
    result = run_stage(tmp_path, corrupt, SAMPLE)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        *(f"raw/{path}: from {SAMPLE if path == TRAIN else corrupt}" for path in FILES),
        *(f"raw/spoken/{name}: from {SAMPLE}/spoken" for name in ("test.json", "train.csv")),
    ]
    shutil.rmtree(tmp_path / "raw/spoken")
    assert is_the_sample(tmp_path / "raw")


def test_the_stage_fails_with_the_message_and_no_traceback(tmp_path, corrupt):
    result = run_stage(tmp_path, corrupt)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {TRAIN} could not be downloaded (expected sha256 {TRAIN_SHA}). Tried:\n")
    assert result.stderr.endswith("\nConnect to the network, then run the same command again.\n")
    assert "Traceback" not in result.stderr
    assert files(tmp_path / "raw") == []


def test_no_room_to_write_is_one_line_and_not_the_mirrors_fault(tmp_path):
    def no_large_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # the first file has 32,213 bytes

    result = run_stage(tmp_path, SAMPLE, SAMPLE, preexec_fn=no_large_files)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"Error: raw/{TRAIN}: File too large\n"
    assert files(tmp_path / "raw") == []


def test_an_output_that_cannot_be_made_is_one_line_and_not_the_mirrors_fault(tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    result = run_stage(tmp_path, SAMPLE, out="file/raw")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "Error: file/raw/KorSTS: Not a directory\n"
    assert (tmp_path / "file").read_text() == "a file, not a folder"
