"""The card of a base model, which every model trained from it takes over: so the licence travels with the weights."""

from kosbert.params import AnyBase

CARD = """\
---
language: ko
license: {license}
library_name: sentence-transformers
pipeline_tag: sentence-similarity
---

# Korean Sentence-BERT

Base model `{name}`: {title}. Licence: {terms}.
"""


def card(name: str, base: AnyBase) -> str:
    """Return the card of the base that params.yaml calls `name`, with the fields that model hubs read."""
    # Hubs know open licences by their lower-case SPDX names.
    license_id = base.license.lower() if base.redistributable else "other"
    return CARD.format(name=name, license=license_id, title=base.title, terms=base.terms)
