"""Becomes `src/sitecustomize.py` of a scene: what has to happen inside of the stage's process, at a certain moment."""

import os
import signal
import sys
import time

DAY = 24 * 60 * 60


def strike(name: str, at: int) -> None:
    """Send all of `dvc repro` a signal as the stage puts its `at`-th file in place; 0: as it loads its libraries."""
    left = [at]

    def hook(event: str, arguments: tuple) -> None:
        if event == "os.rename" and not str(arguments[1]).endswith(".pyc"):
            left[0] -= 1
        loading = event == "import" and at == 0 and hasattr(sys.modules.get("kosbert.command"), "Command")
        loading = loading and str(arguments[0]).startswith("kosbert.")
        if left[0] == 0 and (loading or event == "os.rename"):
            left[0] = -1  # once
            os.killpg(os.getpgrp(), getattr(signal, name))

    sys.addaudithook(hook)


def wait(path: str) -> None:
    """Hold the stage as it puts its first file in place, until `path` is gone."""

    def hook(event: str, _: tuple) -> None:
        while event == "os.rename" and os.path.exists(path):  # noqa: PTH110 - nothing may be imported here
            time.sleep(0.05)

    sys.addaudithook(hook)


def edit(path: str, text: str) -> None:
    """Give a file another text as the stage puts its first file in place."""
    edited: list[str] = []

    def hook(event: str, arguments: tuple) -> None:
        if event == "os.rename" and not edited and not str(arguments[1]).endswith(".pyc"):
            edited.append(path)
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123 - nothing may be imported here
                file.write(text)

    sys.addaudithook(hook)


def jump(seconds: int) -> None:
    """Put the clock forward, and back again, at every hundredth look."""
    seconds_of, looks = time.time, [0]

    def jumping() -> float:
        looks[0] += 1
        return seconds_of() + (seconds if looks[0] // 100 % 2 else 0)

    time.time = jumping
    time.time_ns = lambda: int(jumping() * 1e9)


if "CLOCK_JUMP" in os.environ:
    jump(DAY)
if "DVC_STAGE" in os.environ:  # DVC sets it for the commands it starts
    if "FAULT_SIGNAL" in os.environ:
        strike(os.environ["FAULT_SIGNAL"], int(os.environ["FAULT_AT"]))
    if "FAULT_WAIT" in os.environ:
        wait(os.environ["FAULT_WAIT"])
    if "FAULT_EDIT" in os.environ:
        edit(os.environ["FAULT_EDIT"], os.environ["FAULT_TEXT"])
