"""SECURITY.md is true of the tests that it names."""

import re


def test_each_promise_names_tests_that_are_there(root):
    lines = (root / "SECURITY.md").read_text(encoding="utf-8").splitlines()
    _, _, *promises = [line for line in lines if line.startswith("|")]
    for promise in promises:
        paths = re.findall(r"`(tests/[a-z_/.0-9]+)`", promise.split(" | ")[-1])
        assert paths, promise
        assert [path for path in paths if not (root / path).exists()] == []
