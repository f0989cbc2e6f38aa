"""Programs for tests without the seconds of their start: a server has imported the libraries, and forks for each.

A program of `programs` is a fork that has its caller's arguments, environment, folder, files and group of processes. It
imports `kosbert` itself, from where its PYTHONPATH says. Where a fork could not be what the program is, by a setting
that Python or a library reads at its start, a limit, a namespace or a session, the client runs the program.
"""

import atexit
import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from support.forks.client import fixed

HERE = Path(__file__).parent
REAL = Path(sys.executable).parent
PROGRAMS = ("python", "dvc", "kosbert", "torchrun")


def programs(environment):
    """Return the folder with which PATH has to begin, for commands in an environment such as this."""
    if sys.platform != "linux":  # elsewhere a process that has loaded these libraries cannot fork
        return REAL
    return _serve(tuple(sorted(fixed(environment).items())))


@cache
def _serve(environment):
    folder = Path(tempfile.mkdtemp(prefix="kosbert-forks-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "bin").mkdir()
    for path in REAL.iterdir():
        if path.name not in PROGRAMS:
            (folder / "bin" / path.name).symlink_to(path)
    for name in PROGRAMS:
        command = [str(REAL / "python"), "-IS", str(HERE / "client.py"), str(folder / "socket"), str(REAL / name)]
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        program.chmod(0o755)
    with socket.socket(socket.AF_UNIX) as listener, (folder / "log").open("w") as log:
        listener.bind(str(folder / "socket"))
        listener.listen(99)
        command = [REAL / "python", HERE / "server.py", str(listener.fileno()), folder / "bin/python"]
        # It ends with this process, which has the other end of its input; Ctrl-C is for its forks alone.
        subprocess.Popen(
            command,
            env=dict(environment) | {"PATH": os.environ["PATH"]},
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            process_group=0,
        )
    return folder / "bin"
