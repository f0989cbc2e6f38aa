"""What `dvc push` sends of a model: a copy of it or, where a licence forbids that, a note in its place.

The models themselves are never pushed (`push: false`), as an output has the same setting whatever its base. But DVC
finds files by their content, so where a copy has been pushed, `dvc pull` gets the model. What may not be passed on is
in no output that DVC pushes, whatever is edited, switched or merged later.
"""

from pathlib import Path

from kosbert.encoder.layout import CARD
from kosbert.encoder.licence import may_be_passed_on
from kosbert.files import atomic_write, copy_folder

NOTE = """# This model is not passed on

The licence of its base forbids that, so `dvc push` sends this note in place of the model. Where the base is at hand,
`dvc repro` makes the model.
"""


def write_pushed(model: Path, card: str, out: Path) -> None:
    """Write the folder that is pushed for a model, complete or not at all.

    Args:
        model: the folder of the model.
        card: its card.
        out: the folder to write.
    """
    with atomic_write(out) as tmp:
        if may_be_passed_on(card):
            copy_folder(model, tmp)
        else:
            tmp.mkdir()
            (tmp / CARD).write_text(NOTE, encoding="utf-8", newline="\n")
