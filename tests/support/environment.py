"""Make the virtual environment: all that is pinned, with uv where that is installed, and torch's build that suits.

    python tests/support/environment.py .venv --torch auto --uv uv

It is run by `make setup`, on a bare Python. What `.ready` in the environment holds is said at the end; until then the
environment has a file `.unfinished`, and is made anew by the next run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import venv
from collections import deque
from pathlib import Path

ROOT = Path(__file__).parents[2]
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PINNED = ("--constraint", "constraints.txt")
BRIEF = {"UV_HTTP_RETRIES": "1", "UV_HTTP_CONNECT_TIMEOUT": "5"}  # for an index that may be out of reach
# Importing torch would tell the same, but takes seconds and its dependencies.
BUILD = """
import importlib.util, pathlib, runpy
found = importlib.util.find_spec("torch")
about = found and runpy.run_path(str(pathlib.Path(found.origin).with_name("version.py")))
print(about and f"torch {about['__version__']} " + (f"with CUDA {about['cuda']}" if about["cuda"] else "without CUDA"))
"""


def has_nvidia_gpu():
    """Return whether there is a GPU that torch's CUDA could use, as its driver says."""
    try:
        done = subprocess.run(["nvidia-smi", "-L"], capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.startswith(b"GPU")


def run(*command, **settings):
    """Run an installer, of which a terminal sees the latest line, and return why it failed; None if it did not."""
    last = deque(maxlen=12)
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
    )
    with process:
        for line in process.stdout:
            last.append(line.rstrip())
            show(f"  {line.strip()}")
    show("")
    errors = [line for line in last if line.lower().lstrip(" ×").startswith(("error", "cause", "caused"))]
    return "\n".join(errors or last) if process.returncode else None


def show(line):
    """Show a line on a terminal in the place of the one before."""
    if sys.stdout.isatty():
        sys.stdout.write(f"\r\033[K{line[: shutil.get_terminal_size().columns - 1]}")
        sys.stdout.flush()


def say(line):
    """Print a line at once, also where the output is a file."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def begin(folder, unfinished):
    """Make an environment without packages. One that a run has left half-made is emptied before."""
    if unfinished.exists():
        for path in folder.iterdir():
            if path != unfinished:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    version = "python{}.{}".format(*sys.version_info)
    if (folder / "bin/python").exists() and not (folder / "lib" / version).exists():
        sys.exit(f"{folder} was made with another Python than this {version}; remove it first: rm -r {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.touch()
    venv.create(folder, symlinks=True, with_pip=True)


def install_cpu_torch(pip, uv):
    """Install torch's CPU build from PyTorch's index or, where that is out of reach, what pip's own indexes have."""
    torch = (*PINNED, "--no-deps", "torch")
    if uv is None or run(*uv, "--torch-backend", "cpu", *torch, **BRIEF):
        run(*pip, "--retries", "1", "--timeout", "10", "--extra-index-url", CPU_INDEX, *torch)


def build_of(python):
    """Return which build of torch is installed, in words; None if there is none."""
    found = subprocess.run([python, "-c", BUILD], capture_output=True, text=True, check=True).stdout.strip()
    return None if found == "None" else found


def make(folder, torch, uv_name):
    """Make the environment, and return what has been made, in words."""
    ready, unfinished, python = folder / ".ready", folder / ".unfinished", str(folder.absolute() / "bin/python")
    ready.unlink(missing_ok=True)
    begin(folder, unfinished)
    pip = (python, "-m", "pip", "install", "--disable-pip-version-check", "--no-compile")
    uv = (path, "pip", "install", "--python", python) if (path := shutil.which(uv_name)) else None
    say(f"Setting up {folder} with {'uv' if uv else 'pip'} (once) ...")
    if torch == "cpu" or (torch == "auto" and sys.platform == "linux" and not has_nvidia_gpu()):
        why = ", as there is no NVIDIA GPU here" if torch == "auto" else ""
        say(f"Taking torch's CPU build{why} (for CUDA: rm -r {folder}; make setup TORCH=cuda) ...")
        install_cpu_torch(pip, uv)
        build = build_of(python)
        if build is None or "without CUDA" not in build:
            say(f"No index in reach gave that build; going on with {build or 'what the package index has'}.")
    say(f"The other packages, some 220{'' if uv else ', in a few minutes'} ...")
    if error := run(*(uv or pip), *PINNED, "--editable", ".[dev]"):
        other = "; with pip instead: make setup UV=" if uv else ""
        sys.exit(f"{error}\nSet-up failed, see above. Is the package index in reach? Then again: make setup{other}")
    made = f"Python {sys.version.split()[0]}, {build_of(python) or 'no torch'}"
    ready.write_text(f"{made}\n", encoding="utf-8")
    unfinished.unlink()
    return made


def main():
    """Read the command line, and make the environment."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--torch", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--uv", default="uv", help="its name or path; empty for pip")
    options = parser.parse_args()
    began = time.monotonic()
    try:
        made = make(options.folder, options.torch, options.uv)
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; the next set-up starts anew.")
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"Set-up failed: {error}")
    say(f"{options.folder} is ready after {time.monotonic() - began:.0f} s: {made}")


if __name__ == "__main__":
    main()
