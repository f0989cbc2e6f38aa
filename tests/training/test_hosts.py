"""Two hosts, here two network namespaces with a folder each, train what two processes on one host do."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from support import training
from support.training import NLI

from kosbert.errors import KosbertError
from kosbert.training import checkpoints, processes

ADDRESSES = "10.213.77.1", "10.213.77.2"
RECIPE = {"loss": "softmax", "data": NLI, "epochs": 2, "dropout": 0.1, "batch_size": 8}  # random states count


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True)


@contextmanager
def linked_namespaces():
    """Make two network namespaces with a link between them, and yield their names and the link's ends."""
    names = [f"kosbert-{os.getpid()}-{number}" for number in range(2)]
    ends = [f"kos{os.getpid() % 10**7}{side}" for side in "ab"]
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
        ip("link", "add", ends[0], "type", "veth", "peer", "name", ends[1])  # it goes with the namespaces
        for name, end, address in zip(names, ends, ADDRESSES, strict=True):
            ip("link", "set", end, "netns", name)
            ip("-n", name, "addr", "add", f"{address}/24", "dev", end)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "set", end, "up")
        yield list(zip(names, ends, strict=True))


@pytest.fixture(scope="module")
def namespaces():
    try:
        with linked_namespaces() as made:
            yield made
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no network namespaces can be made here ({error}): that takes root and iproute2")


class Host:
    """One of two hosts: it runs a training in its namespace, with torchrun."""

    def __init__(self, number, namespace, folder, tiny, tables):
        name, end = namespace
        self.out = folder / "model"
        shutil.copytree(tables, folder / "data")
        self._arguments = {"init": str(tiny), "tables": str(folder / "data"), "out": str(self.out)}
        self._inside = ["ip", "netns", "exec", name, Path(sys.executable).parent / "torchrun"]
        self._environment = {
            **os.environ,
            "PET_NNODES": "2",
            "PET_NODE_RANK": str(number),
            "PET_MASTER_ADDR": ADDRESSES[0],
            "GLOO_SOCKET_IFNAME": end,
            "OMP_NUM_THREADS": "1",
            "PYTHONUNBUFFERED": "1",
            "RES_OPTIONS": "timeout:1 attempts:1",  # nobody answers there who has which name
        }

    def start(self):
        arguments = json.dumps([self._arguments | RECIPE])
        return subprocess.Popen(
            [*self._inside, training.__file__, arguments],
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def checkpoints(self):
        return sorted(path.parent.name for path in self.out.parent.rglob(checkpoints.COMPLETE))


@pytest.fixture
def hosts(namespaces, tiny, tables, tmp_path):
    return [Host(number, each, tmp_path / f"host {number}", tiny, tables) for number, each in enumerate(namespaces)]


def said(hosts):
    """Train on both hosts, and return what each said and its exit code."""
    running = [host.start() for host in hosts]
    return [(process.communicate(timeout=240)[0], process.returncode) for process in running]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kill_trainer(torchrun):
    """Kill the process that trains under a torchrun."""
    (child,) = Path(f"/proc/{torchrun.pid}/task/{torchrun.pid}/children").read_text().split()
    os.kill(int(child), 9)


@pytest.mark.exhaustive
def test_two_hosts_train_what_two_processes_on_one_do_also_after_one_was_killed(hosts, tiny, tables, tmp_path):
    one = {"init": str(tiny), "tables": str(tables), "out": str(tmp_path / "one/model"), **RECIPE}
    torchrun = [Path(sys.executable).parent / "torchrun", "--standalone", "--nproc-per-node", "2", training.__file__]
    subprocess.run([*torchrun, json.dumps([one])], check=True, timeout=240, env={**os.environ, "OMP_NUM_THREADS": "1"})

    first, second = (host.start() for host in hosts)
    assert any("step 10/" in line for line in first.stdout)
    kill_trainer(second)
    rest, _ = first.communicate(timeout=120)
    second.communicate(timeout=120)
    assert "no connection to another process (" in rest
    assert "run the same command again on each host" in rest
    assert "checkpoint-5" in hosts[0].checkpoints()

    (resumed, code), (_, other) = said(hosts)
    assert (code, other) == (0, 0), resumed
    assert "resuming from" in resumed
    for host in hosts:
        assert contents(host.out) == contents(tmp_path / "one/model")
        assert contents(host.out.parent / "curves") == contents(tmp_path / "one/curves")
        assert sorted(path.name for path in host.out.parent.iterdir()) == ["curves", "data", "model"]


def told(monkeypatch, *values):
    """Let each of several processes give one of these values, in place of its own."""
    monkeypatch.setattr(processes, "gather", lambda _: list(values))
    monkeypatch.setattr(checkpoints, "gather", lambda _: list(values))


def test_processes_that_do_not_train_the_same_say_in_what(monkeypatch):
    same = {"recipe.epochs": 1, "kosbert/files.py": "ab", "torch": "2.13.0"}
    told(monkeypatch, same, same)
    processes.check_equal(same)
    told(monkeypatch, same, same, {**same, "torch": "2.12.1"})
    with pytest.raises(KosbertError, match=r"^torch: differs .*\(2\.13\.0 in process 0, 2\.12\.1 in process 2\)"):
        processes.check_equal(same)
    told(monkeypatch, same, {**same, "data b.tsv": "cd"})
    with pytest.raises(KosbertError, match=r"^data b\.tsv: differs .*\(missing in process 0, cd in process 1\)"):
        processes.check_equal(same)


def test_a_checkpoint_that_is_not_on_all_hosts_is_not_resumed_from(monkeypatch, tmp_path):
    told(monkeypatch, ["checkpoint-5", "checkpoint-10"], ["checkpoint-5"])  # the second was killed while it wrote
    assert checkpoints.resumable(tmp_path) == tmp_path / "checkpoint-5"
    told(monkeypatch, ["checkpoint-5"], [])
    with pytest.raises(KosbertError, match=r"process 1 has no checkpoint here, and another one has; copy the folder"):
        checkpoints.resumable(tmp_path)
    told(monkeypatch, [], [])
    assert checkpoints.resumable(tmp_path) is None
