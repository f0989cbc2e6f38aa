"""What `dvc push` sends of a model: a copy of it or, where a licence forbids that, a note in its place.

The models themselves are never pushed (`push: false`), as an output has the same setting whatever its base. But DVC
finds files by their content, so where a copy has been pushed, `dvc pull` gets the model. What may not be passed on is
in no output that DVC pushes, whatever is edited, switched or merged later.
"""

import shutil
from pathlib import Path

from huggingface_hub import ModelCard

from kosbert.encoder.layout import CARD
from kosbert.files import atomic_write

OTHER = "other"  # what the card of a model that may not be passed on has for a licence, as hubs have it
NOTE = """# This model is not passed on

The licence of its base forbids that, so `dvc push` sends this note in place of the model. Where the base is at hand,
`dvc repro` makes the model.
"""


def may_be_passed_on(card: str) -> bool:
    """Return whether a model with this card may be passed on, by the licences of all that it was made from."""
    return bool(ModelCard(card).data.get("license") != OTHER)


def write_pushed(model: Path, card: str, out: Path) -> None:
    """Write the folder that is pushed for a model, complete or not at all.

    Args:
        model: the folder of the model.
        card: its card.
        out: the folder to write.
    """
    with atomic_write(out) as tmp:
        if may_be_passed_on(card):
            shutil.copytree(model, tmp, copy_function=shutil.copyfile)
        else:
            tmp.mkdir()
            (tmp / CARD).write_text(NOTE, encoding="utf-8", newline="\n")
