"""The card of a model, which travels with it: what it is, under which licences, and how it was trained.

A base gets a card, and each training extends the card of the model it began with. So a card describes the whole chain,
and obligations travel with the weights. It holds no dates and no random examples: the same model has the same card.
"""

import json
import re

from huggingface_hub import ModelCard, ModelCardData

from kosbert.encoder.licence import OTHER, may_be_passed_on
from kosbert.encoder.meaning import MEANING
from kosbert.errors import KosbertError
from kosbert.params import Base, Dataset, ExtraSts, Recipe

NEEDS = "sentence-transformers>=3.4"  # what loads a model; tests/compat tries it in several versions
TAGS = ["sentence-transformers", "sentence-similarity", "feature-extraction"]
LICENCES, TRAINING, CITATIONS = "Licences", "How it was trained", "Citations"  # the sections that trainings extend

SENTENCE_BERT = """\
@inproceedings{reimers-2019-sentence-bert,
  title = {Sentence-{BERT}: Sentence Embeddings using Siamese {BERT}-Networks},
  author = {Reimers, Nils and Gurevych, Iryna},
  booktitle = {Proceedings of EMNLP-IJCNLP 2019},
  year = {2019},
  url = {https://arxiv.org/abs/1908.10084}
}
"""

TEXT = """
# Korean Sentence-BERT

A Korean sentence encoder. It maps a text to a vector of {dimensions} dimensions, the mean of its token
embeddings{normalized}. It reads the first {max_seq_length} tokens of a text. The cosine of two vectors measures how
similar two texts are in meaning.

## Use

```sh
pip install '{needs}'
```

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("…")  # this folder, or its name on a hub
embeddings = model.encode(["한 남자가 기타를 친다.", "남자가 악기를 연주하고 있다.", "오늘은 비가 온다."])
print(model.similarity(embeddings[:1], embeddings[1:]))
```

## {meaning}

Not known for this model.
{prompt}
## {licences}

If you redistribute this model, comply with the licences of everything it was made from:

- Base model `{name}` ({title}): {terms}.

## {training}

1. Base model `{name}` ({title}).

## {citations}

```bibtex
{bibtex}```
"""
PROMPT = """
## Prompt

The model expects the prompt `{prompt}` before every text, queries and documents alike. The prompt is stored in the
model: `encode`, `encode_query` and `encode_document` of sentence-transformers add it, and so does LangChain's
`HuggingFaceEmbeddings`. Tell other programs:

| | |
|---|---|
| LlamaIndex | `HuggingFaceEmbedding(…, query_instruction="{prompt}", text_instruction="{prompt}")` |
| text-embeddings-inference | `--default-prompt-name query` |
| ONNX Runtime, fastembed, transformers.js, llama.cpp, vLLM | put `{prompt}` before each text |
"""


def base_card(
    name: str,
    base: Base,
    *,
    max_seq_length: int,
    dimensions: int,
    prompt: str = "",
    normalize: bool = False,
    hub_name: str | None = None,
) -> str:
    """Return the card of a base model, with the fields that model hubs read.

    Args:
        name: what params.yaml calls the base.
        base: the parameters of the base.
        max_seq_length: how many tokens of a sentence count.
        dimensions: how many numbers an embedding has.
        prompt: the text before every sentence; none if empty.
        normalize: whether embeddings have length 1.
        hub_name: the name of the base on a model hub; None where it comes from elsewhere.
    """
    data = ModelCardData(
        language="ko",
        # Hubs know open licences by their lower-case SPDX names.
        license=base.license.lower() if base.redistributable else OTHER,
        license_name=None if base.redistributable else "-".join(base.license.lower().split()),
        library_name="sentence-transformers",
        pipeline_tag="sentence-similarity",
        tags=TAGS,
        base_model=hub_name,
    )
    text = TEXT.format(
        max_seq_length=max_seq_length,
        dimensions=dimensions,
        normalized=", scaled to length 1" if normalize else "",
        name=name,
        title=base.title,
        terms=base.terms,
        needs=NEEDS,
        prompt=PROMPT.format(prompt=prompt) if prompt else "",
        meaning=MEANING,
        licences=LICENCES,
        training=TRAINING,
        citations=CITATIONS,
        bibtex="\n".join(filter(None, [SENTENCE_BERT, base.citation])),
    )
    return f"---\n{data.to_yaml()}\n---\n{text}"


def extend_card(
    card: str, name: str, recipe: Recipe, *, learning: str, papers: list[str], dataset: str, data: Dataset, seed: int
) -> str:
    """Return the card of a model that was trained from another.

    Args:
        card: the card of the model that training began with.
        name: the name of the recipe.
        recipe: the parameters of the recipe.
        learning: which tables the recipe learns from and how, in words.
        papers: what to cite for that (BibTeX) beside Sentence-BERT, which every card cites.
        dataset: what params.yaml calls the dataset.
        data: the parameters of the dataset.
        seed: the seed of the training.

    Raises:
        KosbertError: the card was not made by `base_card`.
    """
    parsed = ModelCard(card)
    learned_from: dict[str, Dataset | ExtraSts] = {dataset: data}
    learned_from |= {name: data.sts.extra[name] for name in recipe.learns_from(data.sts.extra)}
    # A licence that forbids passing on is not softened by one that allows it.
    if may_be_passed_on(card):
        before = parsed.data.get("license")
        known = [
            *(before if isinstance(before, list) else [before]),
            *(each.license.lower() for each in learned_from.values()),
        ]
        licenses = list(dict.fromkeys(known))
        parsed.data["license"] = licenses if len(licenses) > 1 else licenses[0]
    text = parsed.text
    for pairs, each in learned_from.items():
        text = _added(text, LICENCES, f"- Dataset `{pairs}` ({each.title}): {each.license}.\n")
    step = (
        f"Recipe `{name}`, on the dataset `{dataset}`: {learning}. Epochs: {recipe.epochs}; "
        f"batch size: {recipe.batch_size}; learning rate: {recipe.learning_rate:g}, with linear warm-up over "
        f"{100 * recipe.warmup_ratio:g} % of the steps and linear decay to 0; dropout: {recipe.dropout:g}; "
        f"seed: {seed}. {_kept(recipe)}{_unlike_runs(recipe)}"
    )
    done = len(re.findall(r"^\d+\. ", _section(text, TRAINING).group("body"), flags=re.M))
    text = _added(text, TRAINING, f"{done + 1}. {step}\n")
    for citation in filter(None, [*papers, *(each.citation for each in learned_from.values())]):
        text = _added(text, CITATIONS, f"\n{citation}", end="```\n")
    parsed.text = text
    return str(parsed)


def _kept(recipe: Recipe) -> str:
    if recipe.average is None:
        return (
            f"The dev set was scored every {recipe.eval_steps} steps, and the state with the best score was kept "
            "(Spearman correlation of the cosine)."
        )
    average, count = recipe.average, len(recipe.runs)
    runs = f" of each of {count} runs (the first has this seed)" if count > 1 else ""
    return (
        f"The weights are an average: the last {average.states} states, one every {recipe.eval_steps} steps{runs}, "
        f"and, with a weight of {100 * average.init:g} %, the initial model."
    )


def _unlike_runs(recipe: Recipe) -> str:
    """Return what the runs of an average change, and how much each weighs."""
    if not (recipe.average and recipe.average.unlike):
        return ""
    words = [
        f"run {number} ({100 * share:.0f} % of the remaining weight): "
        + (", ".join(f"`{key}` {json.dumps(value)}" for key, value in run.changes.items()) or "as above")
        for number, (run, (_, share)) in enumerate(zip(recipe.average.unlike, recipe.runs, strict=True), start=1)
    ]
    return f" The runs differ: {'; '.join(words)}."


def _section(text: str, title: str) -> re.Match[str]:
    found = re.search(rf"^## {title}\n\n(?P<body>.*?)(?=\n## |\Z)", text, flags=re.M | re.S)
    if found is None:
        raise KosbertError(
            f"the card of the model to begin with has no section {title!r}; `dvc repro -f base_model` recreates it"
        )
    return found


def _added(text: str, title: str, entry: str, *, end: str = "") -> str:
    """Return a card's text with an entry at the end of a section (before its last line `end`), if it is new there."""
    section = _section(text, title)
    body = section["body"]
    if entry.strip() in body:
        return text
    return f"{text[: section.start('body')]}{body.removesuffix(end)}{entry}{end}{text[section.end('body') :]}"
