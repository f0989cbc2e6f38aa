"""What `dvc.lock` records of the stages, those that the pipeline no longer has apart."""

# ruff: noqa: PLC0415 - see `kosbert.command`

from pathlib import Path
from typing import Any, Literal, NamedTuple

from kosbert.errors import KosbertError, one_line

PIPELINE, LOCK, PARAMS = Path("dvc.yaml"), Path("dvc.lock"), Path("params.yaml")


class Record(NamedTuple):
    """A dependency or an output of a stage.

    Attributes:
        stage: the stage.
        path: the file or folder.
        md5: DVC's MD5 of it.
    """

    stage: str
    path: Path
    md5: str

    def touches(self, path: Path) -> bool:
        """Return whether this is at a path, below it or above it."""
        return self.path.is_relative_to(path) or path.is_relative_to(self.path)


def recorded(kind: Literal["deps", "outs"]) -> tuple[list[Record], list[Record]]:
    """Return the dependencies or the outputs of all stages.

    Returns:
        Those of the pipeline's stages, and those of stages that it no longer has, for DVC leaves them in its file.

    Raises:
        KosbertError: a file of the pipeline is not YAML.
    """
    pipeline, params = read_yaml(PIPELINE).get("stages", {}), read_yaml(PARAMS)
    there: list[Record] = []
    gone: list[Record] = []
    for stage, entry in read_yaml(LOCK).get("stages", {}).items():
        records = [Record(stage, Path(each["path"]), each["md5"]) for each in entry.get(kind, []) if "md5" in each]
        (there if _is_stage(stage, pipeline, params) else gone).extend(records)
    return there, gone


def _is_stage(stage: str, pipeline: dict[str, Any], params: dict[str, Any]) -> bool:
    name, _, key = stage.partition("@")
    if name not in pipeline:
        return False
    keys = pipeline[name].get("foreach")
    if isinstance(keys, str):
        keys = value(params, keys.removeprefix("${").removesuffix("}").strip())
    # Which keys there are is not known of a `matrix`, nor of variables from elsewhere.
    return keys is None or key in map(str, keys)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return what is in a file of the pipeline; nothing if there is no such file.

    Raises:
        KosbertError: it is not YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(path) or {} if path.is_file() else {}
    except YAMLError as error:
        raise KosbertError(f"{path}: not YAML: {one_line(error)}") from error


def value(params: Any, key: str) -> Any:  # noqa: ANN401 - as YAML has it
    """Return the parameter with a dotted name; None if there is none."""
    for name in key.split("."):
        params = params.get(name) if isinstance(params, dict) else None
    return params
