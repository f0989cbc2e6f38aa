"""An encoder in int8 on a CPU, through OpenVINO: faster than bf16 in bulk, and a little less exact.

Weights are rounded to 255 steps, an output at a time. What they are multiplied with is rounded by OpenVINO as it comes,
a token at a time ("dynamic quantization"), so that there is nothing to calibrate. OpenVINO is the extra `int8`.
"""

import copy
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from kosbert.encoder.model import prompt_of
from kosbert.errors import KosbertError, one_line
from kosbert.inference.graph import Inference, library


class Int8Encoder:
    """A copy of an encoder on a CPU, whatever device that is on.

    Embeddings have a cosine of at least 0.97 with those in fp32, and Spearman figures on KorSTS change by less
    than 0.3.
    """

    def __init__(self, encoder: SentenceTransformer) -> None:
        """Convert an encoder; this takes some seconds.

        Raises:
            KosbertError: as `convert`.
        """
        self._tokenizer, self._longest = encoder.tokenizer, encoder.max_seq_length
        self._prompt = prompt_of(encoder)
        self._dimensions = int(encoder.get_embedding_dimension() or 0)
        self._inference = Inference(convert(encoder, int8=True), cores=torch.get_num_threads())

    def encode(self, sentences: Sequence[str]) -> NDArray[np.float32]:
        """Encode sentences, in any order, also repeated: the embeddings [sentences, dimensions], in that order."""
        texts = [self._prompt + sentence for sentence in sentences]
        rows = self._tokenizer(texts, truncation=True, max_length=self._longest)["input_ids"]
        return self._inference.embed(rows, self._dimensions)


def convert(encoder: SentenceTransformer, *, int8: bool) -> Any:  # noqa: ANN401 - a type of the extra
    """Return the graph of OpenVINO from token ids and attention mask to embeddings, in fp32 or with int8 weights.

    Raises:
        KosbertError: OpenVINO is not installed, or cannot do what the encoder does.
    """
    openvino = library()
    if prompt_of(encoder) and any(not getattr(module, "include_prompt", True) for module in encoder):
        raise KosbertError("its pooling leaves out the prompt, which OpenVINO's graph would not")
    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    with torch.no_grad(), warnings.catch_warnings():
        # What it is warned of: branches on shapes that are traced once. The graph is for any shape all the same.
        warnings.simplefilter("ignore")
        try:
            return openvino.convert_model(_Embedding(encoder, int8=int8), example_input=example)
        except Exception as error:  # whatever tracing a model of somebody's can raise
            raise KosbertError(f"OpenVINO cannot convert it: {one_line(error)[:300]}") from error


class _Embedding(nn.Module):
    """A whole encoder, from token ids to embeddings, with int8 weights if it is to."""

    def __init__(self, encoder: SentenceTransformer, *, int8: bool) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).cpu().float().eval()
        for parent in [*self.encoder.modules()] if int8 else []:
            for name, child in [*parent.named_children()]:
                if isinstance(child, nn.Linear):
                    setattr(parent, name, _Int8Linear(child))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        embeddings: Tensor = self.encoder({"input_ids": input_ids, "attention_mask": attention_mask})[
            "sentence_embedding"
        ]
        return embeddings


class _Int8Linear(nn.Module):
    """A linear layer written so that OpenVINO finds int8 weights with a scale for each output."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()
        scale = weight.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny) / 127
        self.register_buffer("weight", (weight / scale).round().to(torch.int8))
        self.register_buffer("scale", scale)
        self.bias = linear.bias

    def forward(self, rows: Tensor) -> Tensor:
        return functional.linear(rows, self.weight.to(torch.float32) * self.scale, self.bias)
