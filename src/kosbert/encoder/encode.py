"""Many sentences to embeddings, fast: each distinct one once, without padding, in bf16 where the hardware has it."""

from collections.abc import Iterable, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import EmbeddingSimilarityEvaluator

from kosbert.encoder.batches import batches
from kosbert.encoder.prepacking import can_prepack, prepacking
from kosbert.encoder.unpadding import unpadding

Embeddings = NDArray[np.float32]

# Characters of a batch. What a CPU has at hand in its caches is small; a GPU wants to be kept busy.
ON_CPU = 2_000
ON_GPU = 50_000


def has_bf16(device: torch.device) -> bool:
    """Return whether the device multiplies bf16 matrices in hardware; where it does not, bf16 is slower than fp32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())  # noqa: SLF001 - the public name is not there yet


def encode(encoder: SentenceTransformer, sentences: Sequence[str], *, bf16: bool | None = None) -> Embeddings:
    """Encode sentences, with the encoder's own prompt.

    Args:
        encoder: the encoder.
        sentences: in any order, also repeated; at least one.
        bf16: whether to multiply in bf16: if None, where the hardware does. Then embeddings have a cosine of at least
            0.999 with those in fp32, and Spearman figures on KorSTS change by less than 0.1.

    Returns:
        The embeddings [sentences, dimensions], in the order given.
    """
    on_cpu = encoder.device.type == "cpu"
    bf16 = has_bf16(encoder.device) if bf16 is None else bf16
    frozen = bf16 and can_prepack(encoder)
    parts, places = batches(sentences, ON_CPU if on_cpu else ON_GPU)
    with (
        unpadding(encoder),
        prepacking(encoder) if frozen else nullcontext(),
        torch.autocast(encoder.device.type, torch.bfloat16, enabled=bf16 and not frozen),
    ):
        found = [encoder.encode(part, batch_size=len(part), show_progress_bar=False) for part in parts]
    return np.concatenate(found).astype(np.float32, copy=False)[places]


class PairEvaluator(EmbeddingSimilarityEvaluator):
    """The library's evaluator over sentence pairs; both sides are encoded together, so no sentence twice."""

    def __init__(self, pairs: Iterable[tuple[str, str, float]], *, bf16: bool | None = None, **options: object) -> None:
        sentences1, sentences2, scores = map(list, zip(*pairs, strict=True))
        super().__init__(sentences1, sentences2, scores, main_similarity="cosine", write_csv=False, **options)
        self._bf16 = bf16
        self._sides: list[Embeddings] = []

    def __call__(self, model: SentenceTransformer, *arguments: object, **options: object) -> dict[str, float]:
        """Score an encoder: Pearson and Spearman of each similarity."""
        self._sides = np.split(encode(model, [*self.sentences1, *self.sentences2], bf16=self._bf16), 2)
        figures: dict[str, float] = super().__call__(model, *arguments, **options)
        return figures

    def embed_inputs(self, _: SentenceTransformer, sentences: list[str], **__: object) -> Embeddings:
        """Return the embeddings of one side [sentences, dimensions]."""
        return self._sides[0 if sentences is self.sentences1 else 1]
