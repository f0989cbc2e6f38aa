"""Whether a model may be passed on: its card tells, by the licences of all that the model was made from."""

from huggingface_hub import ModelCard

OTHER = "other"  # what the card of a model that may not be passed on has for a licence, as hubs have it


def may_be_passed_on(card: str) -> bool:
    """Return whether a model with this card may be passed on."""
    return bool(ModelCard(card).data.get("license") != OTHER)
