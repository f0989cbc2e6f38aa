"""A stage's script, as tests run it: in this process and in the current folder."""

import runpy
from pathlib import Path

from click.testing import CliRunner

STAGES = Path(__file__).parents[2] / "stages"


def run_stage(name, *arguments, code=0):
    """Run a stage, and return its output; no traceback may show."""
    main = runpy.run_path(str(STAGES / f"{name}.py"))["main"]
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.output
