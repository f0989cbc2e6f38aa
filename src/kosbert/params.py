"""The parameters of `params.yaml`, typed. An unknown, missing or ill-typed key is one clear line that names it."""

from pathlib import Path
from reprlib import Repr
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kosbert.errors import KosbertError, one_line

PARAMS = Path("params.yaml")
BASE = "base"  # what `init` and the table call the untrained base
STS = "sts"  # what tables and test sets call the scored pairs of the dataset itself, beside those of `sts.extra`

SHORT = Repr()  # how an error shows a value, which may be anything of any size
SHORT.maxstring = SHORT.maxlong = SHORT.maxother = 100

# DVC takes other names apart, or for numbers, once they are part of a stage's name or a parameter's key.
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
Digest = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|git-blob:[0-9a-f]{40})$")]


class Block(BaseModel):
    """A block of parameters: immutable, and with no other keys than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


AnyBlock = TypeVar("AnyBlock", bound=Block)


class DataFile(Block):
    """One file of a dataset.

    Attributes:
        path: where it is below each mirror.
        digest: what its content has to hash to.
        rows: how many it has.
        skip_at_most: how many of them may be unusable (malformed, or without a label); more are an error.
    """

    path: str
    digest: Digest
    rows: Annotated[int, Field(ge=1)]
    skip_at_most: Annotated[int, Field(ge=0)] = 0


class ScoredFile(DataFile):
    """A file of scored pairs with named columns: CSV or TSV with a header, JSON (a list of objects) or JSON Lines.

    Attributes:
        sentence1: the column of the first sentence; in JSON, a dotted path.
        sentence2: the column of the second sentence.
        score: the column of the score.
        max_score: the score of an equivalent pair; scores from 0 to this are brought to the scale from 0 to 5.
    """

    sentence1: str = "sentence1"
    sentence2: str = "sentence2"
    score: str = "score"
    max_score: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0

    @model_validator(mode="after")
    def _columns_differ(self) -> Self:
        if len({self.sentence1, self.sentence2, self.score}) < 3:  # noqa: PLR2004 - there are three of them
            raise ValueError("score: sentence1, sentence2 and score must be three different columns")
        return self


class ExtraSts(Block):
    """A further dataset of scored pairs: a test set of its own, and perhaps pairs to train on.

    Attributes:
        title: its title in tables and cards.
        license: its licence, for cards.
        citation: what to cite (BibTeX; may be empty).
        mirrors: where its files are, as those of a dataset.
        test: its test set.
        train: its training pairs; None if it is for testing alone.
        dev_rows: how many of the training pairs, the last ones, are its dev set instead.
        hub: its names on a model hub.
        hub_split: the split there that is its test set.
    """

    title: str
    license: str
    citation: str
    mirrors: Annotated[list[str], Field(min_length=1, alias="sources")]
    test: ScoredFile
    train: ScoredFile | None = None
    dev_rows: Annotated[int, Field(ge=2)] | None = None
    hub: list[str] = []
    hub_split: str = "test"

    @property
    def files(self) -> list[ScoredFile]:
        """All files."""
        return [self.test, *([self.train] if self.train else [])]

    @model_validator(mode="after")
    def _dev_is_a_part_of_train(self) -> Self:
        if (self.train is None) != (self.dev_rows is None):
            raise ValueError(
                "dev_rows: required with `train`, which the dev set is taken from, and not allowed without it"
            )
        if self.train and self.dev_rows and self.dev_rows >= self.train.rows:
            raise ValueError(f"dev_rows: {self.dev_rows:,} must be less than the {self.train.rows:,} rows of `train`")
        return self


class Splits(Block):
    """The three files of an STS dataset, and further scored pairs.

    Attributes:
        train: the pairs to train on.
        dev: the pairs to choose on.
        test: the pairs to evaluate on.
        extra: further datasets of scored pairs, by name.
    """

    train: DataFile
    dev: DataFile
    test: DataFile
    extra: dict[Name, ExtraSts] = {}

    @model_validator(mode="after")
    def _no_extra_set_is_called_sts(self) -> Self:
        if STS in self.extra:
            raise ValueError(f"extra.{STS}: this name is reserved for the dataset's own scored pairs; choose another")
        return self


class Dataset(Block):
    """A dataset: what it is, under which licence, and where its files are.

    Attributes:
        title: its title in tables and cards.
        license: its licence, for cards.
        citation: what to cite (BibTeX; may be empty).
        comparable: whether its STS files are KorSTS, so that published results stand beside ours.
        mirrors: where its files are, `sources` in the file; they are tried in order. A mirror is a folder, a web
            address, or `$NAME` for the folder in that environment variable.
        sts: the scored sentence pairs.
        nli: the labelled sentence pairs.
        hub: the names on a model hub of the datasets that it is taken from, for the cards of published models.
    """

    title: str
    license: str
    citation: str
    comparable: bool
    mirrors: Annotated[list[str], Field(min_length=1, alias="sources")]
    sts: Splits
    nli: Annotated[list[DataFile], Field(min_length=1)]
    hub: list[str] = []

    @model_validator(mode="after")
    def _extra_folders_are_free(self) -> Self:
        for name in self.sts.extra:
            if any(Path(file.path).parts[0] == name for file in self.files):
                raise ValueError(f"sts.extra.{name}: the dataset already has a folder of this name; choose another")
        return self

    @property
    def sts_titles(self) -> dict[str, str]:
        """What tables and cards call the dev and test sets: the dataset's own, and those of `sts.extra`."""
        extra = {name: each.title for name, each in self.sts.extra.items()}
        return {STS: "KorSTS" if self.comparable else "STS"} | extra

    @property
    def files(self) -> list[DataFile]:
        """All files but those of `sts.extra`, those of the scored pairs first."""
        return [self.sts.train, self.sts.dev, self.sts.test, *self.nli]


class Base(Block):
    """What every base model has; what a kind of base has besides is declared in its module of `kosbert.base`.

    Attributes:
        kind: the kind of base.
        title: its title in tables and cards.
        license: its licence.
        redistributable: whether the base, and what is trained from it, may be passed on.
        citation: what to cite (BibTeX; may be empty).
    """

    model_config = ConfigDict(extra="allow")

    kind: str
    title: str
    license: str
    redistributable: bool
    citation: str = ""

    @property
    def terms(self) -> str:
        """The licence, and what follows from it, in words."""
        forbidden = "" if self.redistributable else "; neither the base nor a model trained from it may be passed on"
        return f"{self.license}{forbidden}"


Tracker = Literal["dvclive", "wandb", "mlflow", "trackio", "tensorboard"]


class Training(Block):
    """What all trainings share.

    Attributes:
        launch: the program that starts a training.
        precision: `auto` is bf16 where the hardware has it, else fp16 on a GPU and fp32 on a CPU.
        mini_batch_size: how many examples are encoded at once on a device, at most; all of a batch if None.
        report_to: the trackers that get loss, learning rate and dev score; one, or a list of them. The curves for
            `dvc plots` (dvclive) are written in any case.
    """

    launch: str
    precision: Literal["auto", "bf16", "fp16", "fp32"]
    mini_batch_size: Annotated[int, Field(ge=1)] | None
    report_to: Annotated[list[Tracker], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)] = [
        "dvclive"
    ]


Loss = Literal["ranking", "softmax", "cosine", "cosent"]
ONE, EACH = "<one for all>", "<one for each>"  # tags of the two forms of a value, which pydantic's errors would name
Losses = Annotated[
    Annotated[Loss, Tag(ONE)] | Annotated[dict[str, Loss], Field(min_length=1), Tag(EACH)],
    Discriminator(lambda value: EACH if isinstance(value, dict) else ONE),
]


class Run(Block):
    """One of several trainings that are averaged: what it does otherwise than its recipe, and its weight.

    Attributes:
        weight: its weight beside the others.
    """

    model_config = ConfigDict(extra="allow")

    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @property
    def changes(self) -> dict[str, Any]:
        """The keys of the recipe that it changes."""
        return self.model_extra or {}


class Average(Block):
    """The weights that are averaged at the end of a training.

    Attributes:
        runs: how often the training is run, each time with another seed; or a list of runs, each with the keys of the
            recipe that it changes (not `init` and `data`, which all share) and perhaps a `weight`.
        states: how many of the latest states of each run are averaged.
        init: the share of the weights that training began with, from 0 to 1.
    """

    runs: Annotated[
        Annotated[int, Field(ge=1), Tag(ONE)] | Annotated[list[Run], Field(min_length=1), Tag(EACH)],
        Discriminator(lambda value: EACH if isinstance(value, list) else ONE),
    ] = 1
    states: Annotated[int, Field(ge=1)]
    init: Annotated[float, Field(ge=0, lt=1)]

    @property
    def unlike(self) -> list[Run]:
        """The runs that differ from their recipe; none where only seeds differ."""
        return [] if isinstance(self.runs, int) else self.runs

    @property
    def count(self) -> int:
        """The number of runs."""
        return self.runs if isinstance(self.runs, int) else len(self.runs)


class Recipe(Block):
    """One training: from what, on which table, with which loss, for how long.

    Attributes:
        init: the recipe whose model training begins with, or `base`.
        data: the table to learn from, or a folder of tables.
        loss: the loss of all tables; or, for tables of a folder, the loss of each, and no others are learned from.
        shares: the part of a table that an epoch sees, each time another; all of it where none is given.
        turns: how the batches of several tables follow each other: `equal` numbers of each in turn, until one table has
            no more, or `all` of them in random order.
        epochs: how often each example is seen.
        batch_size: examples in a batch.
        batches: examples of `like_length` need the least padding; `random` ones compare more kinds of examples, which
            suits a loss that ranks those of a batch.
        learning_rate: the peak of a linear warm-up, followed by a linear decay to 0.
        warmup_ratio: the share of the steps that warm-up takes.
        dropout: the dropout of all layers.
        eval_steps: the number of steps after which the dev set is scored, and a checkpoint saved.
        average: the weights that are averaged; the state with the best dev score is kept if None.
    """

    init: Name
    data: str
    loss: Losses
    shares: dict[str, Annotated[float, Field(gt=0, le=1)]] = {}
    turns: Literal["equal", "all"] = "equal"
    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]
    batches: Literal["like_length", "random"] = "like_length"
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    warmup_ratio: Annotated[float, Field(ge=0, le=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    eval_steps: Annotated[int, Field(ge=1)]
    average: Average | None = None

    def learns_from(self, extra: dict[str, ExtraSts]) -> list[str]:
        """Return which of a dataset's extra scored pairs it learns from, in any of its runs."""
        runs = [run for run, _ in self.runs]
        tables = {Path(run.data, table).stem for run in runs if isinstance(run.loss, dict) for table in run.loss}
        # A folder stands for all its tables, if `loss` names none.
        all_of_them = not Path(self.data).suffix and any(isinstance(run.loss, str) for run in runs)
        return [
            name
            for name, each in extra.items()
            if each.train and (all_of_them or name in tables | {Path(self.data).stem})
        ]

    @property
    def runs(self) -> list[tuple["Recipe", float]]:
        """Each training of this recipe, and its share in what they leave together."""
        if not (self.average and self.average.unlike):
            count = self.average.count if self.average else 1
            return [(self, 1 / count)] * count
        total = sum(run.weight for run in self.average.unlike)
        return [(self.changed(run), run.weight / total) for run in self.average.unlike]

    def changed(self, run: Run) -> "Recipe":
        """Return the recipe of a run, which changes some keys of this one."""
        return Recipe.model_validate({**self.model_dump(), "average": None, **run.changes})


class Report(Block):
    """The rows of the table, and how their metrics are judged.

    Attributes:
        rows: the label of each row, in the order of the table.
        dimensions: the numbers of dimensions to which embeddings are also cut, and scored on dev, where they have more.
        resamples: how often the test set is resampled for an interval or a p-value. A p-value is at least
            2 / (`resamples` + 1), and has to stay below 5 % when it is corrected for several comparisons.
        drop_at_most: how many points a branch may lower a metric by.
        language: the language of the report's page; tables for git are in English.
    """

    rows: Annotated[dict[Name, str], Field(min_length=1)]
    dimensions: list[Annotated[int, Field(ge=1)]]
    resamples: Annotated[int, Field(ge=1000)]
    drop_at_most: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    language: Literal["en", "ko"] = "en"


class Params(Block):
    """All of `params.yaml`."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    dataset: str
    base_model: str
    training: Training
    report: Report
    recipes: dict[Name, Recipe]
    datasets: dict[Name, Dataset]
    base_models: dict[Name, Base]

    @property
    def chosen_dataset(self) -> Dataset:
        """The dataset that `dataset` names."""
        return self.datasets[self.dataset]

    @property
    def chosen_base(self) -> Base:
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
                raise ValueError(f"recipes.{BASE}: this name is reserved for the untrained base; choose another")
            _known(f"recipes.{name}.init", recipe.init, [BASE, *(other for other in self.recipes if other != name)])
            _check_tables(f"recipes.{name}", recipe)
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
                raise ValueError(f"recipes.{chain[0]}.init is circular: {' -> '.join([*chain, name])}")
            chain.append(name)
            name = self.recipes[name].init
        return chain[::-1]

    def seen(self, row: str) -> list[str]:
        """Return which of the extra scored pairs a row of the table was trained on, by their names."""
        extra = self.chosen_dataset.sts.extra
        learned = {name for recipe in self.chain(row) for name in self.recipes[recipe].learns_from(extra)}
        return [name for name in extra if name in learned]


def _check_tables(key: str, recipe: Recipe) -> None:
    """Check that shares are of tables that a recipe learns from, and the same of what its runs make of it."""
    if isinstance(recipe.loss, dict):
        for table in recipe.shares:
            _known(f"{key}.shares: the table", table, recipe.loss)
    for number, run in enumerate(recipe.average.unlike if recipe.average else []):
        where = f"{key}.average.runs.{number}"
        if shared := [name for name in ("init", "data", "average") if name in run.changes]:
            raise ValueError(f"{where}.{shared[0]}: all runs share this key; change other keys of the recipe")
        try:
            changed = recipe.changed(run)
        except ValidationError as error:
            raise ValueError(f"{where}.{_line(error.errors()[0])}") from error
        _check_tables(where, changed)


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
    return checked(Params, values, path=path)


def checked(block: type[AnyBlock], values: dict[str, Any], *, key: str = "", path: Path = PARAMS) -> AnyBlock:
    """Return the values of a block of parameters, typed.

    Args:
        block: the class of the block.
        values: the values as YAML has them.
        key: the dotted key of the block in the file; empty for all of the file.
        path: the file, for messages.

    Raises:
        KosbertError: a key is unknown, missing or ill-typed; the message has one line for each.
    """
    try:
        return block.model_validate(values)
    except ValidationError as error:
        prefix = f"{key}." if key else ""
        raise KosbertError("\n".join(f"{path}: {prefix}{_line(each)}" for each in error.errors())) from error


def _shown(key: str | int) -> str:
    text = str(key)
    return text if text.isprintable() and len(text) <= SHORT.maxstring else SHORT.repr(text)


def _line(problem: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails, a TypedDict of mixed values
    parts = [_shown(part) for part in problem["loc"] if part not in {"[key]", ONE, EACH}]
    where, found = ".".join(parts), SHORT.repr(problem["input"])
    match problem["type"]:
        case "value_error":  # ours, which name the key in its block
            line = ".".join([*parts, str(problem["ctx"]["error"])])
        case "extra_forbidden":
            line = f"{where}: unknown key (its value is {found}); check its spelling, or remove it"
        case "string_pattern_mismatch" | "string_type" if "[key]" in problem["loc"]:
            line = f"{where}: expected a name for DVC: a letter, then letters, digits, _ or - alone; but it is {found}"
        case "missing":
            line = f"{where}: missing; this key is required"
        case "dict_type" | "model_type" | "model_attributes_type":
            line = f"{where}: must be a block of keys with values, but it is {found}"
        case _:
            line = f"{where}: {problem['msg']}, but it is {found}"
    return line
