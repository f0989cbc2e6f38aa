"""A fork is what the program is that it stands for; where it could not be, the program runs."""

import os
import signal
import subprocess
import sys

import pytest
from support.forks import programs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are made on Linux alone")
# As where a shell without job control has started the tests in the background.
interruptible = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN, reason="whoever has started the tests has Ctrl-C ignored"
)
FORKED = "import sys; print('sentence_transformers' in sys.modules)"


@pytest.fixture(scope="module")
def environment():
    return {**os.environ, "PATH": f"{programs(os.environ)}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def run(environment, tmp_path):
    def run(*command, **options):
        given = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True} | options
        return subprocess.run(command, check=False, **given)

    return run


def test_a_fork_has_the_callers_arguments_environment_folder_and_files(run, environment, tmp_path):
    (tmp_path / "한글.py").write_text(
        "import os, sys\n"
        "print(__name__, sys.argv, sys.stdin.read(), os.getcwd(), os.environ['DVC_X'], sys.path[0], os.getpgrp())\n"
        "print('sentence_transformers' in sys.modules, 'kosbert' in sys.modules, file=sys.stderr)\n"
    )
    done = run("python", "한글.py", "a b", "", input="눈", env=environment | {"DVC_X": "x"})
    expected = f"__main__ ['한글.py', 'a b', ''] 눈 {tmp_path} x {tmp_path} {os.getpgrp()}\n"
    assert (done.stdout, done.stderr, done.returncode) == (expected, "True False\n", 0)


def test_code_and_modules_are_run_as_python_does(run, environment, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here/own.py").write_text("import sys; print(sys.argv[1:], __name__)")
    said = run("python", "-m", "own", "x", env=environment | {"PYTHONPATH": "here"})
    assert said.stdout == "['x'] __main__\n"
    assert run("python", "-c", "import sys; print(sys.argv)", "x").stdout == "['-c', 'x']\n"
    assert run("kosbert", "nothing").returncode == 2
    assert run("dvc", "version", "--help").stdout.startswith("usage: dvc version")


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("raise SystemExit(7)", 7, ""),
        ("raise SystemExit", 0, ""),
        ("import sys; sys.exit('no')", 1, "no\n"),
        ("1/0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os; os._exit(9)", 9, ""),
        ("import os; os.kill(os.getpid(), 9)", -9, ""),
        ("import os; os.abort()", -6, ""),
        ("raise KeyboardInterrupt", -2, "KeyboardInterrupt\n"),
        ("import atexit, sys; atexit.register(sys.stderr.write, 'at the end')", 0, "at the end"),
    ],
)
def test_it_ends_as_the_program_does(run, code, status, said):
    for python in ("python", sys.executable):
        done = run(python, "-c", code)
        assert done.returncode == status
        assert done.stderr.endswith(said)
        assert bool(said) == bool(done.stderr)


@interruptible
def test_a_fork_gets_its_callers_signals(environment):
    code = "import signal, time; signal.signal(15, lambda *_: exit(3)); print('on', flush=True); time.sleep(60)"
    command = {"args": ["python", "-c", code], "env": environment, "stdout": subprocess.PIPE, "text": True}
    for send, status in ((subprocess.Popen.terminate, 3), (subprocess.Popen.kill, -signal.SIGKILL)):
        with subprocess.Popen(**command) as caller:
            assert caller.stdout.readline() == "on\n"
            send(caller)
            assert caller.stdout.read() == "", "the fork has ended, too"
        assert caller.returncode == status
    with subprocess.Popen(**command, process_group=0) as caller:
        assert caller.stdout.readline() == "on\n"
        os.killpg(caller.pid, signal.SIGINT)
    assert caller.returncode == -signal.SIGINT


@interruptible
def test_the_programs_of_make_are_forks_too(run, tmp_path):
    (tmp_path / "Makefile").write_text(f'all:\n\t@python -c "{FORKED}"\n')
    assert run("make", "--no-print-directory", "VENV=x").stdout == "True\n"


def test_its_programs_are_forks_too(run):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {FORKED!r}])"
    assert run("python", "-c", code).stdout == "True\n"


@pytest.mark.parametrize(
    "variables",
    [{"LC_ALL": "C"}, {"PYTHONHASHSEED": "1"}, {"OMP_NUM_THREADS": "2"}, {"HF_HOME": "/nowhere"}, {"X": "y"}],
)
def test_where_the_environment_is_another_the_program_runs(run, environment, variables):
    assert run("python", "-c", FORKED).stdout == "True\n"
    assert run("python", "-c", FORKED, env=environment | variables).stdout == "False\n"


@interruptible
def test_a_caller_that_leads_a_session_has_a_fork_that_leads_one(environment):
    code = "import os, time; print(os.getsid(0) == os.getpid(), flush=True); time.sleep(60)"
    command = {"args": ["python", "-u", "-c", code], "env": environment, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(**command, stderr=subprocess.DEVNULL, start_new_session=True) as caller:
        assert caller.stdout.readline() == "True\n"
        os.killpg(caller.pid, signal.SIGINT)
    assert caller.returncode == -signal.SIGINT


def test_where_limits_session_or_switches_are_others_the_program_runs(run):
    assert run("sh", "-c", 'ulimit -n 200; python -c "$0"', FORKED).stdout == "False\n"
    assert run("sh", "-c", 'umask 077; python -c "$0"', FORKED).stdout == "False\n"
    assert run("setsid", "sh", "-c", 'python -c "$0"; true', FORKED).stdout == "False\n"
    assert run("python", "-X", "utf8", "-c", FORKED).stdout == "False\n"
    assert run("python", input=FORKED).stdout == "False\n"
    assert run("sh", "-c", 'python -c "$0" <&-', FORKED).stdout == "False\n"
    assert run("python", "nowhere.py").returncode == 2


def test_each_fork_draws_numbers_of_its_own(run):
    code = "import random, numpy, torch; print(random.random(), numpy.random.random(), torch.rand(1).item())"
    drawn = [number for _ in range(3) for number in run("python", "-c", code).stdout.split()]
    assert len({*drawn}) == 9
