"""Fork for each program that a client asks for: `server.py LISTENER PYTHON`, until its input ends."""

import atexit
import gc
import importlib
import io
import marshal
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import types
from contextlib import suppress
from pathlib import Path

import numpy
import torch
from client import QUIET, fixed, state

# What stages and DVC's commands import, but for `kosbert` itself.
LIBRARIES = (
    *("dvc.cli.parser", "dvc.repo", "dvc.commands.repro", "dvclive", "matplotlib.pyplot", "sentence_transformers"),
    "sklearn.manifold",
)


class Server:
    """A process that forks for each client, and answers each how its fork has ended."""

    def __init__(self, listener):
        self.equal = (fixed(os.environ), state())
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        os.environ.update(QUIET)
        for name in LIBRARIES:
            importlib.import_module(name)
        gc.freeze()  # or each fork would copy all of it to look for garbage

    def serve(self):
        """Return in a fork: its program and files."""
        self.selector.register(sys.stdin, selectors.EVENT_READ, lambda: os._exit(0))
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        while True:
            for key, _ in self.selector.select():
                if key.fileobj in self.selector.get_map() and (job := key.data()):
                    return job

    def accept(self):
        connection, _ = self.listener.accept()
        head, files, *_ = socket.recv_fds(connection, 4, 3)
        size, content = int.from_bytes(head, "big"), b""
        while len(content) < size and (part := connection.recv(size - len(content))):
            content += part
        equal, session, *job = marshal.loads(content)  # noqa: S302 - of our own client
        if equal != self.equal or session not in (None, os.getsid(0)):
            connection.close()  # so it runs the program itself
        elif pid := os.fork():
            ended = os.pidfd_open(pid)
            self.selector.register(connection, selectors.EVENT_READ, lambda: self.signal(connection, pid))
            self.selector.register(ended, selectors.EVENT_READ, lambda: self.answer(connection, pid, ended))
        else:
            for key in [*self.selector.get_map().values()]:
                os.close(key.fd)
            connection.close()
            return *job, files
        for file in files:
            os.close(file)
        return None

    def signal(self, connection, pid):
        """Pass on a client's signal; a client that is gone has been killed."""
        number = connection.recv(1)
        os.kill(pid, number[0] if number else signal.SIGKILL)
        if not number:
            self.selector.unregister(connection)

    def answer(self, connection, pid, ended):
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):  # the client was killed
            connection.send(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))
        self.selector.unregister(ended)
        os.close(ended)
        with suppress(KeyError):
            self.selector.unregister(connection)
        connection.close()


def become(job, files, python):
    """Make this fork the program, and end as it does."""
    program, arguments, environment, folder, group = job
    if group:
        os.setpgid(0, group)
    else:
        os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    switch = program.endswith("/python") and arguments[0] == "-u"
    unbuffered = switch or sys.stdout.write_through  # by a variable
    for number, (name, file) in enumerate(zip(("stdin", "stdout", "stderr"), files, strict=True)):
        os.dup2(file, number)
        os.close(file)
        stream = opened(getattr(sys, name), number, unbuffered=unbuffered)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.executable = python  # so that what it starts is a fork, too
    numpy.random.seed()  # as these draw at their start
    torch.seed()
    given = [Path.cwd() / each for each in environment.get("PYTHONPATH", "").split(os.pathsep) if each]
    sys.path[:] = [*map(str, given), *sys.path[1:]]
    if any((each / "sitecustomize.py").exists() for each in given):
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    end(lambda: run(program, arguments[switch:]))


def opened(own, number, *, unbuffered):
    """Open a standard stream as Python does at its start; `own` is that of the server."""
    raw = io.FileIO(number, "w" if number else "r", closefd=False)
    through = {"line_buffering": number == 2 or raw.isatty(), "write_through": unbuffered}
    if not number:
        raw = io.BufferedReader(raw)
    elif not unbuffered:
        raw = io.BufferedWriter(raw)
    return io.TextIOWrapper(raw, encoding=own.encoding, errors=own.errors, **through)


def end(work):
    """Do some work and end as Python does, but for freeing what thousands of modules hold, which takes a second."""
    code = 0
    try:
        work()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            sys.stderr.write(f"{left.code}\n")
    except BaseException as error:
        code = 1
        sys.excepthook(type(error), error, error.__traceback__)
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError:
        code = 120
    sys.stderr.flush()
    os._exit(code & 0xFF)


def run(program, arguments):
    """Run a program as Python does."""
    if not program.endswith("/python"):
        arguments = [program, *arguments]
    match arguments:
        case "-m", module, *rest:
            sys.path.insert(0, str(Path.cwd()))
            sys.argv = ["-m", *rest]
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        case "-c", code, *rest:
            sys.path.insert(0, "")
            sys.argv = ["-c", *rest]
            execute(code, "<string>")
        case script, *rest:
            sys.path.insert(0, str(Path(script).resolve().parent))
            sys.argv = [script, *rest]
            execute(Path(script).read_bytes(), script)


def execute(code, name):
    main = types.ModuleType("__main__")
    if name != "<string>":
        main.__file__ = name
    sys.modules["__main__"] = main
    exec(compile(code, name, "exec"), main.__dict__)  # noqa: S102 - the program


if __name__ == "__main__":
    become(*Server(socket.socket(fileno=int(sys.argv[1]))).serve(), sys.argv[2])
