"""`python -m kosbert` is the command `kosbert`."""

import runpy

runpy.run_module("kosbert.cli", run_name="__main__")
