"""Be a program by asking a server for a fork, or else by running it: `client.py SOCKET PROGRAM ARGUMENT …`."""

# ruff: noqa: PTH109, PTH113, PTH115, PTH123, PTH208, S606 - it starts in a hundredth of a second; pathlib would double that

import _socket
import marshal
import os
import signal
import sys

# A fork takes these over from its caller, for they are read when they are needed. All others have to be the server's.
VARYING = (
    *("PATH", "PWD", "OLDPWD", "_", "SHLVL", "PYTHONPATH", "COLUMNS", "LINES", "MFLAGS", "GITHUB_STEP_SUMMARY"),
    *("BASE", "PULL_REQUEST", "TAG", "VENV", "PYTEST_CURRENT_TEST", "RANK", "WORLD_SIZE"),
    *("KORNLU_MIRROR", "KLUE_MIRROR"),
)
PREFIXES = ("DVC_", "GIT_", "KOSBERT_", "MAKE", "FAULT_", "TORCHELASTIC_", "LOCAL_", "GROUP_", "ROLE_", "MASTER_")
# As `kosbert.command` sets them before it imports the libraries, and the server, too.
QUIET = {"TRANSFORMERS_VERBOSITY": "error", "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "64"}
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


def fixed(environment):
    """Return the part of an environment that has to be the server's."""
    varying = {*VARYING, *(name for name, value in QUIET.items() if environment.get(name) == value)}
    return {name: value for name, value in environment.items() if name not in varying and not name.startswith(PREFIXES)}


def state():
    """Return what a process cannot take over from another: limits, namespaces, rights, ignored signals."""
    with open("/proc/self/status") as file:
        lines = file.read().splitlines()
    kept = ("Uid", "Gid", "Groups", "Umask", "Cap", "NoNewPrivs", "Seccomp", "Cpus_allowed:")
    masks = [
        int(line.split()[1], 16) & 0x7FFFFFFF for line in lines if line.startswith(("SigIgn", "SigBlk"))
    ]  # 1 to 31
    with open("/proc/self/limits") as file:
        limits = file.read()
    namespaces = [os.readlink(f"/proc/self/ns/{name}") for name in sorted(os.listdir("/proc/self/ns"))]
    return [namespaces, limits, masks, *(line for line in lines if line.startswith(kept))]


def forkable(program, arguments):
    """Return whether a fork can run this: a command, or Python with a script, a module or code, and perhaps `-u`."""
    if not program.endswith("/python"):
        return True
    first, *more = arguments[arguments[:1] == ["-u"] :] or ["-"]
    return os.path.isfile(first) or (first in ("-c", "-m") and bool(more))


def ask(server, program, arguments, *, leads):
    """Ask for a fork with this process's three files.

    Args:
        server: the connection.
        program: the file of the program.
        arguments: those after its name.
        leads: whether this process leads a session; then the fork leads one, too.
    """
    equal = (fixed(os.environ), state()) if forkable(program, arguments) else None
    job = (program, arguments, dict(os.environ), os.getcwd(), 0 if leads else os.getpgrp())
    content = marshal.dumps((equal, None if leads else os.getsid(0), job))
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in range(3))
    server.sendmsg([len(content).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    while content:
        content = content[server.send(content) :]


def answered(address, program, arguments):
    """Return how the fork has ended, or nothing if there was none."""
    leads = os.getsid(0) == os.getpid()
    try:
        for number in range(3):
            os.fstat(number)  # it may be closed
        server = _socket.socket(_socket.AF_UNIX)
        server.connect(address)
        ask(server, program, arguments, leads=leads)
        for number in (*FORWARDED, *([signal.SIGINT] if leads else [])):
            signal.signal(number, lambda number, _: server.send(bytes([number])))
        if not leads:  # the fork is in this group, and gets it itself
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        return server.recv(4)
    except OSError:
        return b""


def main(address, program, arguments):
    answer = answered(address, program, arguments)
    if not answer:
        for number in (signal.SIGINT, *FORWARDED):
            signal.signal(number, signal.SIG_DFL)
        os.execv(program, [program, *arguments])
    status = int.from_bytes(answer, "big", signed=True)
    if status < 0:
        if status != -signal.SIGKILL:
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
