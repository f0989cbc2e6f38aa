"""An encoder in int8 on a CPU, through OpenVINO: faster than bf16 in bulk, and a little less exact.

Weights are rounded to 255 steps, an output at a time. What they are multiplied with is rounded by OpenVINO as it comes,
a token at a time ("dynamic quantization"), so that there is nothing to calibrate. OpenVINO is the extra `int8`.
"""

import copy
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from torch import Tensor, nn
from torch.nn import functional

from kosbert.encoding import Embeddings, in_batches
from kosbert.errors import KosbertError

TOKENS = 400  # of a batch: each core has its own, and its caches are small


class Int8Encoder:
    """A copy of an encoder on a CPU, whatever device that is on.

    Embeddings have a cosine of at least 0.97 with those in fp32, and Spearman figures on KorSTS change by less
    than 0.3.
    """

    def __init__(self, encoder: SentenceTransformer) -> None:
        """Convert an encoder; this takes some seconds.

        Raises:
            KosbertError: OpenVINO is not installed.
        """
        openvino = _openvino()
        self._tokenizer, self._longest = encoder.tokenizer, encoder.max_seq_length
        self._prompt = encoder.prompts.get(encoder.default_prompt_name or "") or ""
        self._dimensions = int(encoder.get_embedding_dimension() or 0)
        example = {
            "input_ids": torch.ones(2, 8, dtype=torch.long),
            "attention_mask": torch.ones(2, 8, dtype=torch.long),
        }
        with torch.no_grad():
            graph = openvino.convert_model(_Embedding(encoder), example_input=example)
        cores = torch.get_num_threads()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",  # of what is not int8
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": "384",  # inputs of a token that are rounded on one scale
            "INFERENCE_NUM_THREADS": cores,
            "NUM_STREAMS": cores,
        }
        self._queue = openvino.AsyncInferQueue(openvino.compile_model(graph, "CPU", options), cores)
        self._queue.set_callback(_keep)

    def encode(self, sentences: Sequence[str]) -> Embeddings:
        """Encode sentences, in any order, also repeated: the embeddings [sentences, dimensions], in that order."""
        texts = [self._prompt + sentence for sentence in sentences]
        rows = self._tokenizer(texts, truncation=True, max_length=self._longest)["input_ids"]
        ids: Any = [tuple(row) for row in rows]  # batches can be made of whatever has a length
        begin: Any = self._begin
        return in_batches(begin, ids, TOKENS, apply=self._finish)

    def _begin(self, batch: list[tuple[int, ...]]) -> Embeddings:
        tokens = np.zeros((len(batch), len(batch[0])), np.int64)
        mask = np.zeros_like(tokens)
        for row, ids in enumerate(batch):
            tokens[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        embeddings = np.empty((len(batch), self._dimensions), np.float32)
        self._queue.start_async([tokens, mask], embeddings)
        return embeddings  # not filled before the queue is done

    def _finish(self, begin: Callable[[Any], Embeddings], batches: Iterable[Any]) -> list[Embeddings]:
        embeddings = [begin(batch) for batch in batches]
        self._queue.wait_all()
        return embeddings


def _openvino() -> Any:  # noqa: ANN401 - a module without types
    # It sends word of its use to its makers, unless this module cannot be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino  # noqa: PLC0415 - an extra
    except ImportError:
        raise KosbertError("encoding in int8 needs OpenVINO: pip install 'kosbert[int8]'") from None
    return openvino


def _keep(request: Any, embeddings: Embeddings) -> None:  # noqa: ANN401
    embeddings[:] = request.get_output_tensor(0).data


class _Embedding(nn.Module):
    """A whole encoder, from token ids to embeddings, with int8 weights."""

    def __init__(self, encoder: SentenceTransformer) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).cpu().float().eval()
        for parent in [*self.encoder.modules()]:
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
