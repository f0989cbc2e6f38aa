"""The benchmark as a command: the table is shown at the end, and a failure of a stage is one line."""

import shutil

import pytest

from kosbert.errors import KosbertError
from kosbert.project import benchmark, dvc


@pytest.fixture
def here(tmp_path, root, monkeypatch):
    """A folder with the parameters and a table, as the project's top folder."""
    shutil.copy(root / "params.yaml", tmp_path)
    (tmp_path / benchmark.TABLE).parent.mkdir()
    (tmp_path / benchmark.TABLE).write_text("the old table")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stages(monkeypatch):
    """Replace DVC by a function that `run` can be set to; return a list of its calls."""
    calls = []

    def replace(run):
        monkeypatch.setattr(dvc, "run", lambda *arguments, cwd: calls.append(arguments) or run(cwd))
        return calls

    return replace


@pytest.mark.usefixtures("here")
def test_the_table_is_shown_unless_a_stage_has_just_shown_it(stages, capsys):
    calls = stages(lambda _: True)
    benchmark.run()
    assert calls == [("repro",)]
    assert "The metrics are the same as before.\n\nthe old table" in capsys.readouterr().out
    stages(lambda cwd: (cwd / benchmark.TABLE).write_text("the new table"))
    benchmark.run()
    output = capsys.readouterr().out
    assert "table\n" not in output
    assert "The table is in metrics/performance.md" in output


@pytest.mark.parametrize("reason", ["no fallback", "reachable", "present", "the sample itself"])
def test_a_failed_stage_is_one_line_where_the_sample_is_not_to_stand_in(here, stages, monkeypatch, reason):
    calls = stages(lambda _: False)
    monkeypatch.setattr(benchmark.download, "reachable", lambda _: reason == "reachable")
    monkeypatch.setattr(benchmark.download, "present", lambda *_: reason == "present")
    if reason == "the sample itself":
        params = here / "params.yaml"
        params.write_text(params.read_text(encoding="utf-8").replace("\ndataset: kornlu", "\ndataset: sample"))
    with pytest.raises(KosbertError, match=r"^a stage failed; .*: fix it and run this again\.$"):
        benchmark.run(fall_back=reason != "no fallback")
    assert calls == [("repro",)]
