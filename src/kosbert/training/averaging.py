"""Averaging weights: several states of one training, and what it began with.

States late in a training lie around a flat minimum, whose middle generalises better than any of them (Izmailov et al.
2018, "Averaging Weights Leads to Wider Optima and Better Generalization"). What a training began with has seen far more
text than the training table; a share of it keeps what fine-tuning would forget (Wortsman et al. 2022, "Robust
Fine-Tuning of Zero-Shot Models").
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from kosbert.encoder import load

CITATION = """\
@inproceedings{wortsman-2022-robust,
  title = {Robust Fine-Tuning of Zero-Shot Models},
  author = {Wortsman, Mitchell and Ilharco, Gabriel and Kim, Jong Wook and Li, Mike and Kornblith, Simon and
    Roelofs, Rebecca and Gontijo-Lopes, Raphael and Hajishirzi, Hannaneh and Farhadi, Ali and Namkoong, Hongseok and
    Schmidt, Ludwig},
  booktitle = {Proceedings of CVPR},
  year = {2022},
  url = {https://arxiv.org/abs/2109.01903}
}
"""


def give_average(encoder: SentenceTransformer, states: Sequence[Path], start: Path, share: float) -> None:
    """Give an encoder the mean of the weights of several states of its training, and of what it began with.

    Args:
        encoder: the encoder.
        states: folders of encoders of the same make, all with the same share.
        start: another, with
        share: its own, from 0 to 1.

    Raises:
        KosbertError: there is no encoder in a folder, or it cannot be read.
    """
    shares = [(start, share), *((state, (1 - share) / len(states)) for state in states)]
    mean = {name: torch.zeros_like(weights, dtype=torch.float64) for name, weights in encoder.state_dict().items()}
    for folder, part in shares:
        for name, weights in load(folder).to(encoder.device).state_dict().items():
            mean[name] += part * weights.double()
    encoder.load_state_dict({name: mean[name].to(weights.dtype) for name, weights in encoder.state_dict().items()})
