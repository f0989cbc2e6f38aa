"""The pinned versions: constraints.txt for pip, and the same list in pyproject.toml, where alone uv reads it.

`make pins` renews both. After a change of constraints.txt by hand, copy it: python tests/support/pins.py
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BEGIN, END = "constraint-dependencies = [\n", "]\n"
NOT_PINNED = ("kosbert", "pip")


def read_pins(text):
    """Return the pins of a constraints file."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def header_of(text):
    """Return the comment that a constraints file begins with."""
    return "".join(f"{line}\n" for line in text.splitlines() if line.startswith("#"))


def with_pins(project, pins):
    """Return the text of pyproject.toml with these pins for uv."""
    before, begin, rest = project.partition(BEGIN)
    after = rest.partition(END)[2]
    lines = "".join(f'  "{pin}",\n' for pin in pins)
    return f"{before}{begin}{lines}{END}{after}"


def frozen(python):
    """Return what is installed in the environment of a Python, as pins."""
    command = [python, "-m", "pip", "freeze", "--all", "--exclude-editable"]
    for name in NOT_PINNED:
        command += ["--exclude", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    # The build of torch for CPUs has a version of its own, torch==2.13.0+cpu, which other indexes do not have.
    return sorted((line.partition("+")[0] for line in lines if "==" in line), key=str.lower)


def main():
    constraints, project = ROOT / "constraints.txt", ROOT / "pyproject.toml"
    text = constraints.read_text(encoding="utf-8")
    pins = frozen(sys.argv[1]) if len(sys.argv) > 1 else read_pins(text)
    constraints.write_text(header_of(text) + "".join(f"{pin}\n" for pin in pins), encoding="utf-8")
    project.write_text(with_pins(project.read_text(encoding="utf-8"), pins), encoding="utf-8")


if __name__ == "__main__":
    main()
