"""A model of ours on a CPU with PyTorch alone: the embeddings of sentence-transformers, and ready in a moment."""

from typing import Literal

import torch

from kosbert.encoder.encode import has_bf16
from kosbert.encoder.saved import SavedModel
from kosbert.inference.digest import digest_of
from kosbert.inference.encoder import Calibration, limited, other_length
from kosbert.inference.graph import TokenizedEncoder


class SavedEncoder(TokenizedEncoder):
    """A saved model of a kind that is known in full."""

    def __init__(
        self,
        model: SavedModel,
        *,
        precision: Literal["auto", "fp32", "bf16"] = "auto",
        max_length: int | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Take a model.

        Raises:
            KosbertError: it cannot read so many tokens.
        """
        bf16 = has_bf16(torch.device("cpu")) if precision == "auto" else precision == "bf16"
        wanted = other_length(max_length, model.max_length, model.most_tokens)
        super().__init__(
            dimensions=model.dimensions,
            fingerprint=f"{limited(model_digest(model), wanted)}:pytorch-{'bf16' if bf16 else 'fp32'}-cpu",
            max_length=wanted or model.max_length,
            most_tokens=model.most_tokens,
            calibration=calibration,
        )
        self._tokens, self._graph = model.tokens(wanted), model.engine(bf16=bf16)


def model_digest(model: SavedModel) -> str:
    """Return the digest that `inference.pytorch` has for the same model."""
    transformer = {
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    }
    pooling = {"embedding_dimension": model.dimensions, "pooling_mode": "mean", "include_prompt": True}
    names = ("module_input_name", "module_output_name")
    normalize = [dict.fromkeys(names, "sentence_embedding")] if model.normalize else []
    settings = {
        "modules": ["Transformer", "Pooling", *(["Normalize"] if model.normalize else [])],
        "pooling": [transformer, pooling, *normalize],
        "prompt": model.prompt,
        "longest": model.max_length,
    }
    return digest_of(settings, model.tokenizer, {f"0.model.{name}": values for name, values in model.weights.items()})
