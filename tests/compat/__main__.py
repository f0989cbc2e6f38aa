"""Load a saved model and an export of it elsewhere, and compare the embeddings with those of the model here.

    python tests/compat                                    # needs models/nli_sts: `dvc repro train@nli_sts`
    python tests/compat --only fastembed --only langchain
    python tests/compat --table docs/compatibility.md      # writes the table there

It installs a dozen gigabytes of packages on first use, and keeps the environments. It fails where a reader differs.
"""

import json
import shutil
from pathlib import Path

import click
from environments import ENVIRONMENTS, NOT_RUN, READERS, Environment, Reader
from results import Result, compared, table, with_table
from texts import TEXTS
from venvs import FailedError, node_environment, present_python, python_environment, run

ROOT = Path(__file__).parents[2]
PROBES = Path(__file__).parent / "probes"
FORMATS = ("--format", "onnx,openvino", "--precision", "fp32,int8")


class Work:
    """The folder that holds the environments, the texts and what the probes write."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.texts = folder / "texts.json"
        self.texts.write_text(json.dumps(TEXTS, ensure_ascii=False), encoding="utf-8")

    def exported(self, model: Path) -> Path:
        """Export a model, and return the folder."""
        out = self.folder / "export"
        shutil.rmtree(out, ignore_errors=True)
        run([str(present_python()), "-m", "kosbert", "export", str(model), "--out", str(out), *FORMATS])
        return out

    def embedded(self, command: list[str], folder: Path, arguments: tuple[str, ...] = ()) -> dict:
        """Run a probe on the model or export in a folder, and return what it has written."""
        out = self.folder / "embeddings.json"
        out.unlink(missing_ok=True)
        run([*command, str(folder), str(self.texts), str(out), *arguments])
        return json.loads(out.read_text(encoding="utf-8"))


def program(folder: Path, environment: Environment, probe: Path) -> list[str]:
    """Return the command that runs a probe in an environment, which is made if it is not there."""
    if not environment.npm:
        return [str(python_environment(folder, environment.packages)), str(probe)]
    # Node looks for packages where the script lies.
    return ["node", shutil.copy(probe, node_environment(folder, environment.packages))]


def tried(work: Work, reader: Reader, folder: Path, expected: dict) -> Result:
    """Embed with a reader, and compare."""
    environment = ENVIRONMENTS[reader.environment]
    if environment.npm and not (shutil.which("node") and shutil.which("npm")):
        return Result(None, "node and npm are not installed")
    try:
        command = program(work.folder / reader.environment, environment, PROBES / reader.probe)
        found = work.embedded(command, folder, reader.arguments)
    except FailedError as error:
        return Result(False, str(error))
    passed, said = compared(found["embeddings"], expected, reader.lowest, within=reader.within, last_counts=reader.cuts)
    return Result(passed, said, found["versions"])


@click.command(help=__doc__.splitlines()[0])
@click.option("--model", type=click.Path(path_type=Path), default=ROOT / "models/nli_sts", help="A saved model.")
@click.option("--export", type=click.Path(path_type=Path), help="An export of it. [default: made by kosbert export]")
@click.option("--envs", type=click.Path(path_type=Path), default=ROOT / "build/compat", help="Keeps the environments.")
@click.option("--only", type=click.Choice([*READERS]), multiple=True, help="Try this reader alone; may be repeated.")
@click.option("--table", "document", type=click.Path(path_type=Path, exists=True), help="Write the table there.")
def main(model: Path, export: Path | None, envs: Path, only: tuple[str, ...], document: Path | None) -> None:
    if not (model / "modules.json").is_file():
        raise click.ClickException(f"{model}: no model there; `dvc repro train@nli_sts` makes models/nli_sts")
    if only and document:
        raise click.UsageError("--table is for all readers: leave out --only")
    work, readers = Work(envs.resolve()), {name: READERS[name] for name in only or READERS}
    folders = {"model": model.resolve()}
    try:
        expected = work.embedded(
            [str(present_python()), str(PROBES / "sentence_transformers_model.py")], model.resolve()
        )
        if "export" in {reader.reads for reader in readers.values()}:
            folders["export"] = export.resolve() if export else work.exported(model.resolve())
    except FailedError as error:
        raise click.ClickException(str(error)) from error
    results = {}
    for reader in readers.values():
        result = results[reader.title] = tried(work, reader, folders[reader.reads], expected["embeddings"])
        word = {True: "ok", False: "FAILED", None: "not run"}[result.passed]
        click.echo(f"{word:8}{reader.title}: {result.found} ({result.versions})")
    if document:
        for title, why in NOT_RUN.items():
            results[title] = Result(None, why)
        document.write_text(with_table(document.read_text(encoding="utf-8"), table(results)), encoding="utf-8")
    raise SystemExit(any(result.passed is False for result in results.values()))


if __name__ == "__main__":
    main()
