"""Averaging weights: those of several states of a training, of several runs, and of the initial model.

States late in a training lie around a flat minimum, whose middle generalises better than any of them (Izmailov et al.
2018, "Averaging Weights Leads to Wider Optima and Better Generalization"). So do the ends of several runs from one
start, whose batches differ (Wortsman et al. 2022, "Model Soups"). The initial model has seen far more text than
the training table; a share of it keeps what fine-tuning would forget (Wortsman et al. 2022, "Robust Fine-Tuning of
Zero-Shot Models").
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from kosbert.encoder.model import load
from kosbert.params import Average

ROBUST = """\
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

SOUPS = """\
@inproceedings{wortsman-2022-soups,
  title = {Model Soups: Averaging Weights of Multiple Fine-Tuned Models Improves Accuracy without Increasing Inference
    Time},
  author = {Wortsman, Mitchell and Ilharco, Gabriel and Gadre, Samir Yitzhak and Roelofs, Rebecca and Gontijo-Lopes,
    Raphael and Morcos, Ari S. and Namkoong, Hongseok and Farhadi, Ali and Carmon, Yair and Kornblith, Simon and
    Schmidt, Ludwig},
  booktitle = {Proceedings of ICML},
  year = {2022},
  url = {https://arxiv.org/abs/2203.05482}
}
"""


def citations(average: Average) -> list[str]:
    """Return what to cite for an average (BibTeX)."""
    return [ROBUST, SOUPS] if average.count > 1 else [ROBUST]


def load_average(encoder: SentenceTransformer, shares: Mapping[Path, float]) -> None:
    """Load into an encoder the weighted mean of the weights of several encoders: its own states, its initial model.

    Args:
        encoder: the encoder.
        shares: the folder of each, with its share; all shares together are 1.

    Raises:
        NotFiniteError: weights of a state are no longer numbers.
        KosbertError: there is no encoder in a folder, or it cannot be read.
    """
    mean = {name: torch.zeros_like(weights, dtype=torch.float64) for name, weights in encoder.state_dict().items()}
    for folder, share in shares.items():
        for name, weights in load(folder).to(encoder.device).state_dict().items():
            mean[name] += share * weights.double()
    encoder.load_state_dict({name: mean[name].to(weights.dtype) for name, weights in encoder.state_dict().items()})
