"""`python -m kosbert` is the command `kosbert`."""

from kosbert.cli import main

main(prog_name="kosbert")
