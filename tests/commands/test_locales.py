"""`kosbert` where the terminal and the system speak EUC-KR, as older Korean systems do, or nothing but ASCII."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import invoked

from kosbert.cli import main

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SNOW = "눈"
HELP = """
import sys
from kosbert.cli import COMMANDS, main
for name in ("", *COMMANDS):
    sys.argv = ["kosbert", *name.split(), "--help"]
    try:
        main()
    except SystemExit as end:
        assert end.code == 0
print(f"{sys.stdout.encoding} {sys.getfilesystemencoding()}")
"""


@pytest.fixture(scope="session")
def korean(tmp_path_factory):
    """The environment of the locale ko_KR.EUC-KR, which few systems come with."""
    folder = tmp_path_factory.mktemp("locales")
    if not shutil.which("localedef"):
        pytest.skip("there is no localedef to make a locale with")
    made = ["localedef", "-i", "ko_KR", "-f", "EUC-KR", folder / "ko_KR.EUC-KR"]
    if subprocess.run(made, capture_output=True, check=False).returncode:
        pytest.skip("the locale ko_KR.EUC-KR cannot be made here")
    return {"LC_ALL": "ko_KR.EUC-KR", "LOCPATH": f"{folder}", "PYTHONUTF8": "0"}


def ask(environment, *arguments):
    return subprocess.run([sys.executable, *arguments], env=os.environ | environment, capture_output=True, check=False)


def test_help_and_errors_come_in_korean_of_euc_kr(korean, tmp_path):
    done = ask(korean, "-c", HELP)
    assert done.stderr == b""
    assert done.stdout.decode("euc_kr").splitlines()[-1] == "euc_kr euc_kr"
    assert "문장 or 텍스트" in done.stdout.decode("euc_kr")
    missing = ask(korean, "-m", "kosbert", "evaluate", tmp_path, f"{SNOW}.tsv".encode("euc_kr"))
    assert missing.stderr.decode("euc_kr").startswith(f"Error: {SNOW}.tsv: ")
    (tmp_path / f"{SNOW}.tsv").touch()
    for arguments in (
        ("evaluate", "model", f"{SNOW}.tsv".encode()),
        ("encode", "model", "a.txt", "--out", f"{SNOW}.npy".encode()),
    ):
        done = ask(korean, "-m", "kosbert", *arguments)
        (*_, line) = done.stderr.decode("euc_kr").splitlines()
        assert line.startswith("Error: ")
        assert "not text in euc_kr, the encoding of this locale; set LC_ALL to a UTF-8 locale" in line
        assert done.stderr.count(b"\n") == 1


def test_help_and_errors_come_where_there_is_ascii_alone(tmp_path):
    done = ask(ASCII, "-c", HELP)
    assert done.stderr == b""
    assert done.stdout.endswith(b" ascii\n")
    done = ask(ASCII, "-m", "kosbert", "search", tmp_path, "a.txt", SNOW.encode())
    assert done.stderr.startswith(b"Error: QUERY: expected ASCII, found other bytes")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("name", sorted(main.commands))
def test_what_is_no_text_of_the_locale_is_a_line(name):
    output = invoked(name, "\ud800", code=1).output
    assert output.startswith("Error: '\\ud800': not text in ")
    assert output.count("\n") == 1


def test_a_name_in_euc_kr_is_that_of_the_output(korean, tiny, tmp_path):
    (tmp_path / "a.txt").write_text("눈이 온다.\n", encoding="utf-8")
    out = os.fsencode(tmp_path) + f"/{SNOW}.parquet".encode("euc_kr")
    done = ask(korean, "-m", "kosbert", "encode", tiny, tmp_path / "a.txt", "--out", out)
    assert done.returncode == 0, done.stderr.decode("euc_kr")
    assert Path(os.fsdecode(out)).stat().st_size
