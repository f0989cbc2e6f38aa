"""The script itself: what it declares, compares and writes. `python tests/compat` tries the readers."""

import re
from pathlib import Path

import numpy as np
import pytest
from compat.environments import ENVIRONMENTS, NOT_RUN, READERS
from compat.results import BEGIN, END, Result, compared, table, with_table
from compat.texts import LONG, TEXTS

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs/compatibility.md"
OURS = np.eye(3).tolist()
NEAR = [[1, 0, 0], [0, 1, 0], [0, 0, 1 + 1e-7]]
FAR = [[1, 0.1, 0], [0, 1, 0], [0, 0, 1]]


def test_each_reader_has_its_probe_and_its_environment():
    assert {reader.environment for reader in READERS.values()} == set(ENVIRONMENTS)
    assert {reader.probe for reader in READERS.values()} == {path.name for path in (HERE / "probes").glob("*.*")}


def test_each_package_is_pinned():
    for environment in ENVIRONMENTS.values():
        pins = r"@huggingface/\S+@[\d.]+" if environment.npm else r"[\w.-]+(\[[\w,-]+\])?==[\d.]+"
        assert all(re.fullmatch(pins, package) for package in environment.packages)


def test_probes_import_nothing_of_ours():
    assert not any("kosbert" in path.read_text(encoding="utf-8") for path in (HERE / "probes").glob("*.*"))


def test_the_long_text_is_the_last():
    assert TEXTS[-1] == LONG  # which does not count for readers that do not cut it


def found(embeddings, way="encode"):
    return {way: np.array(embeddings).tolist()}


@pytest.mark.parametrize(
    ("theirs", "lowest", "passed", "said"),
    [
        (np.eye(3), None, True, "equal to the last bit"),
        (NEAR, None, False, "largest difference 1.0e-07"),
        (np.eye(3) * 2, 0.999, True, "lowest cosine 1.00000"),
        (FAR, 0.999, False, "lowest cosine 0.99503"),
        (np.eye(3)[:2], 0.999, False, "shape (2, 3) instead of (3, 3)"),
    ],
)
def test_embeddings_are_compared(theirs, lowest, passed, said):
    assert compared(found(theirs), {"encode": OURS, "batch": OURS}, lowest) == (passed, said)


def test_a_difference_of_rounding_passes_where_it_is_allowed():
    assert compared(found(NEAR), {"encode": OURS}, None, within=1e-6)[0]


def test_a_long_text_may_be_shown_without_counting():
    uncut = [*np.eye(3)[:2], [0, 1, 1]]
    passed, said = compared(found(uncut), {"encode": OURS}, 0.999, last_counts=False)
    assert passed
    assert said == "lowest cosine 1.00000; of the text of 300 tokens 0.70710"
    assert not compared(found(uncut), {"encode": OURS}, 0.999)[0]


def test_documents_must_embed_as_encode_does_and_a_batch_as_a_batch():
    expected = {"encode": OURS, "batch": (np.eye(3) * 2).tolist(), "document": (np.eye(3) * 2).tolist()}
    assert compared(found(np.eye(3) * 2, "batch"), expected, None)[0]
    assert not compared(found(np.eye(3) * 2, "document"), expected, None)[0]


def test_the_table_goes_between_its_marks():
    text = table({"a": Result(True, "well", "1"), "b": Result(False, "x | y"), "c": Result(None, "no node")})
    written = with_table(f"before\n{BEGIN}\nold\n{END}\nafter", text)
    assert written == f"before\n{BEGIN}\n\n{text}\n{END}\nafter"
    assert "| a | yes | well | 1 |\n| b | **no** | x ; y | – |\n| c | not run | no node | – |" in written
    assert with_table(written, text) == written


def test_the_document_has_a_row_for_each_reader():
    rows = re.findall(r"^\| (.+?) \| (?:yes|not run) \|", DOCUMENT.read_text(encoding="utf-8"), flags=re.M)
    assert rows == [*(reader.title for reader in READERS.values()), *NOT_RUN]


def test_the_lines_of_the_document_are_those_of_the_probes():
    """JavaScript is not run from the document, but its lines are those of a probe, which is."""
    probes = {line.strip() for path in (HERE / "probes").glob("*.mjs") for line in path.read_text().splitlines()}
    blocks = re.findall(r"```js\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), flags=re.S)
    assert blocks
    assert {line.strip() for block in blocks for line in block.splitlines()} <= probes | {""}
