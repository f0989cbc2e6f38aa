"""The card of a published model: the card of the model, with its name, metrics, size and exports added.

It holds no date: the same model has the same card.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from huggingface_hub import EvalResult, ModelCard
from tabulate import tabulate

from kosbert.encoder.card import CITATIONS, LICENCES
from kosbert.errors import KosbertError
from kosbert.inference import gguf
from kosbert.inference.formats import BACKENDS, loading_code
from kosbert.metrics import METRICS
from kosbert.params import ExtraSts

DATASET, SPLIT = "KorSTS", "test"  # what the metrics of a `comparable` dataset are measured on
TASK = "Semantic Similarity"  # its name in the cards of sentence-transformers
UNNAMED = "…"  # stands for the model's name in the code of a card
ROUNDS = """
The cosines were measured in fp32. On a CPU with bf16, OpenVINO computes in bf16 unless `model_kwargs` also has
`"ov_config": {"INFERENCE_PRECISION_HINT": "f32"}`.
"""


class Evaluation(NamedTuple):
    """The metrics of a model on a test set.

    Attributes:
        title: the title of the dataset.
        type: its name for hubs.
        split: the split of the dataset that is the test set.
        metrics: the `METRICS` by name, x 100.
        seen: whether the model was trained on the dataset's training pairs; None if there is nothing to say.
    """

    title: str
    type: str
    split: str
    metrics: dict[str, float]
    seen: bool | None = None


def on_own_test(metrics: dict[str, float]) -> Evaluation:
    """Return the metrics on the test set of a `comparable` dataset."""
    return Evaluation(DATASET, DATASET.lower(), SPLIT, metrics)


def on_extra_test(about: ExtraSts, metrics: dict[str, float], *, seen: bool) -> Evaluation:
    """Return the metrics on an extra test set.

    Args:
        about: its parameters.
        metrics: the `METRICS` by name, x 100.
        seen: whether the model was trained on the training pairs that come with it.
    """
    hub = next(iter(about.hub), about.title.lower())
    return Evaluation(about.title, hub, about.hub_split, metrics, seen)


class Size(NamedTuple):
    """How large a model is.

    Attributes:
        parameters: the number of its weights.
        megabytes: the size of their file, or files.
        cuts: Spearman correlations, x 100, by the title of the dev set and the number of dimensions that are kept.
    """

    parameters: int
    megabytes: float
    cuts: dict[str, dict[int, float]]


class ExportedFile(NamedTuple):
    """A file of an export.

    Attributes:
        name: its path in the model's folder.
        precision: the precision of its weights.
        megabytes: its size, and that of the file with its weights if it has one.
        cosine: the lowest cosine of its embedding of a text with the original's.
    """

    name: str
    precision: str
    megabytes: float
    cosine: float


def name_model(card: str, repo_id: str) -> str:
    """Return a card whose title and code have the model's name on a hub.

    Raises:
        KosbertError: it has no title, or no code that loads the model.
    """
    text, titles = re.subn(r"^# .*$", f"# {repo_id.rpartition('/')[2]}", card, count=1, flags=re.M)
    text, loads = re.subn(rf'SentenceTransformer\("{UNNAMED}"\).*', f'SentenceTransformer("{repo_id}")', text)
    if not (titles and loads):
        raise KosbertError(
            "the model's card has no title or no code to load it; `dvc repro -f base_model` recreates it"
        )
    return text.replace(f"HuggingFaceEmbedding({UNNAMED},", f'HuggingFaceEmbedding("{repo_id}",')


def add_datasets(card: str, names: Sequence[str]) -> str:
    """Return a card that names the datasets of a hub that the model was trained on, if there are any."""
    parsed = ModelCard(card)
    if names:
        parsed.data["datasets"] = [*names]
    return str(parsed)


def add_size(card: str, size: Size, *, model: str = UNNAMED) -> str:
    """Return a card that says how large the model is, and how well truncated embeddings score.

    Args:
        card: the model's card.
        size: the model's size.
        model: the model's name in the code.
    """
    whole, *shorter = dict.fromkeys(kept for scores in size.cuts.values() for kept in scores)
    text = f"{size.parameters / 1e6:.1f} million parameters; as safetensors, {size.megabytes:.0f} MB.\n"
    if shorter:
        table = tabulate(
            [[kept, 4 * kept, *(scores[kept] for scores in size.cuts.values())] for kept in [whole, *shorter]],
            headers=["dimensions", "bytes", *(f"{title} dev, cosine Spearman × 100" for title in size.cuts)],
            tablefmt="github",
            floatfmt=".2f",
        )
        text += (
            f'\nEmbeddings can be truncated to their first dimensions, as `SentenceTransformer("{model}", '
            f"truncate_dim={shorter[0]})` does:\n\n{table}\n"
        )
    return _before(card, LICENCES, "Size", text)


def add_exports(card: str, files: Sequence[ExportedFile], *, model: str = UNNAMED) -> str:
    """Return a card that lists the files for other engines, and how to load each.

    Args:
        card: the model's card.
        files: the files; there may be none.
        model: the model's name in the code.
    """
    if not files:
        return card
    rows = [
        [f"`{each.name}`", each.precision, f"{each.megabytes:.0f}", each.cosine, _code(each.name, model)]
        for each in files
    ]
    headers = ["file", "precision", "MB", "lowest cosine with the original", "sentence-transformers"]
    table = tabulate(rows, headers=headers, tablefmt="github", floatfmt=".4f", disable_numparse=[2])
    backends = sorted({each.name.partition("/")[0] for each in files} & {*BACKENDS})
    needs = f"\n```sh\npip install 'sentence-transformers[{','.join(backends)}]'\n```\n" if backends else ""
    rounds = ROUNDS if "openvino" in backends else ""
    note = f"\n{gguf.NOTE}.\n" if any(each.name == gguf.FILE for each in files) else ""
    return _before(card, LICENCES, "Exports", f"{table}\n{needs}{rounds}{note}")


def _code(file: str, model: str) -> str:
    code = loading_code(model, file)
    return f"`{code}`" if code else ""


def add_metrics(card: str, evaluations: Sequence[Evaluation], *, name: str) -> str:
    """Return a card with the eight metrics on each test set in its `model-index` and in its text.

    Args:
        card: the model's card.
        evaluations: the metrics on each test set.
        name: the model's name in the index.
    """
    parsed = ModelCard(card)
    parsed.data["model_name"] = name
    parsed.data["eval_results"] = [
        EvalResult(
            task_name=TASK,
            task_type=TASK.lower().replace(" ", "-"),
            dataset_name=each.title,
            dataset_type=each.type,
            dataset_split=each.split,
            metric_name=f"{correlation} {similarity}".title(),
            metric_type=f"{correlation}_{similarity}",
            metric_value=round(each.metrics[metric] / 100, 4),  # from 0 to 1, as in the cards of sentence-transformers
        )
        for each in evaluations
        for metric in METRICS
        for similarity, correlation in [metric.split("_")]
    ]
    rows = [[metric.replace("_", " "), *(each.metrics[metric] for each in evaluations)] for metric in METRICS]
    headers = ["correlation × 100", *(f"{each.title} {each.split}" for each in evaluations)]
    text = tabulate(rows, headers=headers, tablefmt="github", floatfmt=".2f") + "\n"
    seen = [f"{each.title}: {'yes' if each.seen else 'no'}" for each in evaluations if each.seen is not None]
    if seen:
        text += f"\nTraining pairs of the same dataset seen in training: {'; '.join(seen)}.\n"
    return _before(str(parsed), CITATIONS, "Metrics", text)


def _before(card: str, section: str, title: str, body: str) -> str:
    before, heading, after = card.partition(f"## {section}\n")
    return f"{before}## {title}\n\n{body}\n{heading}{after}"
