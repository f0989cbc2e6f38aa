"""A model as one GGUF file in f16, which llama.cpp reads and whatever is built on it: LM Studio, Ollama, LocalAI.

The file holds transformer, vocabulary and pooling. It has no place for what comes before the vocabulary, so whoever
uses it puts the model's prompt before each text, and cuts texts that are longer than the model is to read.
"""

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer
from transformers import PreTrainedModel

from kosbert.encoder.model import prompt_of
from kosbert.encoder.positions import first_position, position_count
from kosbert.errors import KosbertError, needs_extra, one_line
from kosbert.inference.charsmap import charsmap
from kosbert.inference.encoder import Embeddings
from kosbert.inference.pytorch import max_length_of, tokenizer_of

FILE = "model-f16.gguf"  # hubs and llama.cpp's `-hf OWNER/NAME:F16` find the precision in the name
PURPOSE = "exporting to GGUF"
NOTE = "llama.cpp neither adds the prompt nor truncates texts: do both as the file's general.description says"
ARCHITECTURES = ("bert", "roberta", "xlm-roberta")  # one and the same to llama.cpp
POOLINGS = {"mean": "MEAN", "cls": "CLS", "lasttoken": "LAST"}
FULL = ("position_embeddings", "token_type_embeddings")  # matrices that llama.cpp has in fp32
# What normalisers and pre-tokenisers treat in different ways, to compare the tokens of.
PROBES = ("  앞뒤  공백\t탭\n줄  ", "①ＡＢ ㈜ ㅋㅋㅋ ㅏㅏ ｶﾞ", "각 é", "👨‍👩‍👧 ❤️", "Straße ÇA №5 1,000.50", "龘 ꙮ 𒀀")


def write_gguf(model: SentenceTransformer, path: Path, *, name: str) -> None:
    """Write a model as a GGUF file, with matrices in f16.

    Args:
        model: the model.
        path: the file.
        name: what the file says that the model is called.

    Raises:
        KosbertError: llama.cpp cannot compute what the model does, or the extra is not installed.
    """
    with needs_extra("gguf", PURPOSE):
        from gguf import GGUFWriter  # noqa: PLC0415 - an extra
    _check(model)
    writer = GGUFWriter(path, "bert")
    try:
        writer.add_name(name)
        writer.add_description(advice(model))
        _add_sizes(writer, model)
        _add_vocabulary(writer, tokenizer_of(model), model[0].model.config)
        _add_weights(writer, model[0].model)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    finally:
        writer.close()


def advice(model: SentenceTransformer) -> str:
    """Return what whoever uses the file has to do that sentence-transformers does with the model, in a line or two."""
    prompt = prompt_of(model)
    before = f"Put {json.dumps(prompt, ensure_ascii=False)} before each text. " if prompt else ""
    return f"{before}Truncate texts to {_length(model)} tokens, including special tokens."


def embed(path: Path, model: SentenceTransformer, texts: Sequence[str]) -> Embeddings:
    """Return the embeddings [texts, dimensions] that llama.cpp makes with a GGUF file; texts are cut to their length.

    Args:
        path: the file.
        model: the original model, whose prompt, length and tokenizer count.
        texts: the texts.

    Raises:
        KosbertError: llama.cpp takes a text apart into other tokens than the model, cannot read the file, or is not
            installed.
    """
    with needs_extra("gguf", PURPOSE):
        from llama_cpp import Llama  # noqa: PLC0415 - an extra
    length = _length(model)
    tokenizer = Tokenizer.from_str(tokenizer_of(model).to_str())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    prompted = [_cut(tokenizer, prompt_of(model) + text, length) for text in texts]
    # Its threads wait by spinning, so several are far slower than one where others work on the cores.
    threads = {"n_threads": 1, "n_threads_batch": 1}
    try:
        llama = Llama(str(path), embedding=True, n_ctx=length, n_batch=length, **threads, verbose=False)
    except ValueError as error:  # it does not say why
        raise KosbertError(f"llama.cpp cannot read {path.name} ({one_line(error, 200)}); update it") from error
    try:
        for text in (*prompted, *PROBES):
            expected, found = tokenizer.encode(text).ids, llama.tokenize(text.encode())
            if found != expected:
                raise KosbertError(
                    f"llama.cpp reads {text[:60]!r} as the tokens {found[:12]}, the model's tokenizer as "
                    f"{expected[:12]}: GGUF cannot hold this tokenizer"
                )
        return np.array([llama.embed(text, normalize=True) for text in prompted], np.float32)
    finally:
        llama.close()


def _cut(tokenizer: Tokenizer, text: str, length: int) -> str:
    """Return the beginning of a text that has so many tokens, special ones included."""
    read = tokenizer.encode(text)
    while len(read.ids) > length:  # a word may have more tokens without its end, and a character may have several
        text = text[: min(read.offsets[length - 2][1], len(text) - 1)]
        read = tokenizer.encode(text)
    return text


def _check(model: SentenceTransformer) -> None:
    """Refuse a model that llama.cpp would not compute as it is.

    Raises:
        KosbertError: it is such a model.
    """
    kinds = [type(module) for module in model]
    if kinds not in ([Transformer, Pooling], [Transformer, Pooling, Normalize]):
        raise KosbertError(
            f"GGUF holds a transformer and its pooling, not {', '.join(kind.__name__ for kind in kinds)}"
        )
    if model[1].pooling_mode not in POOLINGS:
        raise KosbertError(f"its pooling is {model[1].pooling_mode}; llama.cpp has {', '.join(POOLINGS)}")
    if prompt_of(model) and not model[1].include_prompt:
        raise KosbertError("its pooling excludes the prompt, which llama.cpp's does not")
    config = model[0].model.config
    if config.model_type not in ARCHITECTURES:
        raise KosbertError(f"GGUF export supports {', '.join(ARCHITECTURES)}, not {config.model_type}")
    if not config.hidden_act.startswith("gelu") or getattr(config, "is_decoder", False):
        raise KosbertError(f"llama.cpp's BERT is an encoder with GELU, not one with {config.hidden_act}")


def _length(model: SentenceTransformer) -> int:
    """Return how many tokens of a text the model reads, and at most all that it has positions for."""
    positions = int(position_count(model[0].model))
    return min(max_length_of(model) or positions, positions)


def _add_sizes(writer: Any, model: SentenceTransformer) -> None:  # noqa: ANN401 - a type of the extra
    from gguf import GGML_QUANT_VERSION, LlamaFileType, PoolingType  # noqa: PLC0415 - an extra

    config = model[0].model.config
    writer.add_file_type(LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(GGML_QUANT_VERSION)
    writer.add_block_count(config.num_hidden_layers)
    # llama.cpp has a row of the table of positions for each token of the context, so this is no smaller number.
    writer.add_context_length(int(position_count(model[0].model)))
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(value=False)
    writer.add_pooling_type(PoolingType[POOLINGS[model[1].pooling_mode]])
    writer.add_token_type_count(config.type_vocab_size)


def _add_vocabulary(writer: Any, tokenizer: Tokenizer, config: Any) -> None:  # noqa: ANN401
    """Write a vocabulary of pieces with scores, as SentencePiece's unigram models have it.

    WordPiece is refused: llama.cpp, but for its newest versions, takes Hangul apart into letters, which no model of
    ours reads.

    Raises:
        KosbertError: the tokenizer is of another kind.
    """
    from gguf import TokenType  # noqa: PLC0415 - an extra

    parts = json.loads(tokenizer.to_str())
    kind = parts["model"]["type"]
    if kind != "Unigram" or parts["model"].get("byte_fallback"):
        raise KosbertError(
            f"its tokenizer is {kind}; of Korean models, llama.cpp reads SentencePiece's Unigram exactly"
        )
    pieces, unknown = parts["model"]["vocab"], parts["model"]["unk_id"]
    special = {token["id"] for token in parts["added_tokens"]}
    around = tokenizer.encode("").ids
    if unknown is None or len(around) != 2 or max(special, default=0) >= len(pieces) or config.vocab_size < len(pieces):  # noqa: PLR2004
        raise KosbertError(
            "its tokenizer needs one start token, one end token, an unknown token and only special added tokens"
        )
    types = [TokenType.CONTROL if number in special else TokenType.NORMAL for number in range(len(pieces))]
    types[unknown] = TokenType.UNKNOWN
    absent = range(len(pieces), config.vocab_size)
    writer.add_tokenizer_model("t5")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([*(piece for piece, _ in pieces), *(f"[PAD{number}]" for number in absent)])
    writer.add_token_scores([*(score for _, score in pieces), *(-10000.0 for _ in absent)])
    writer.add_token_types([*types, *(TokenType.UNUSED for _ in absent)])
    writer.add_bos_token_id(around[0])
    writer.add_eos_token_id(around[1])
    writer.add_sep_token_id(around[1])
    writer.add_unk_token_id(unknown)
    writer.add_pad_token_id(config.pad_token_id)
    writer.add_add_bos_token(value=True)
    writer.add_add_eos_token(value=True)
    writer.add_add_space_prefix(value=True)
    writer.add_remove_extra_whitespaces(value=True)
    if table := _table(tokenizer, parts["normalizer"]):
        writer.add_precompiled_charsmap(table)


def _table(tokenizer: Tokenizer, normalizer: dict[str, Any] | None) -> bytes:
    """Return the table of normalisation rules; empty if there are none."""
    if normalizer is None:
        return b""
    ready = [step for step in normalizer.get("normalizers", [normalizer]) if step["type"] == "Precompiled"]
    if ready:
        return base64.b64decode(ready[0]["precompiled_charsmap"])
    return charsmap(tokenizer.normalizer)


def _add_weights(writer: Any, transformer: PreTrainedModel) -> None:  # noqa: ANN401
    from gguf import MODEL_ARCH, get_tensor_name_map  # noqa: PLC0415 - an extra

    names = get_tensor_name_map(MODEL_ARCH.BERT, transformer.config.num_hidden_layers)
    for name, tensor in transformer.named_parameters():
        if name.startswith("pooler."):  # no pooling of ours uses it
            continue
        if (known := names.get_name(name, try_suffixes=(".weight", ".bias"))) is None:
            raise KosbertError(f"its weights {name} have no name in GGUF")
        values: NDArray[np.float32] = tensor.detach().cpu().float().numpy()
        if "position_embeddings" in name:
            values = values[first_position(transformer) :]
        full = values.ndim == 1 or any(part in name for part in FULL)
        writer.add_tensor(known, values if full else values.astype(np.float16))
