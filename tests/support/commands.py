"""The command line, as tests use it."""

from click.testing import CliRunner

from kosbert.cli import main


def invoked(*arguments, code=0):
    """Run `kosbert` with these arguments, and return what click has of it; no traceback may show."""
    done = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done
