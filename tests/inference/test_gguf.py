"""A GGUF file holds a model's weights, vocabulary and rules, and llama.cpp makes the model's embeddings with it."""

import copy
import sys
import unicodedata

import numpy as np
import pytest
from sentence_transformers.sentence_transformer.modules import Dense
from sentencepiece import SentencePieceNormalizer, sentencepiece_model_pb2
from support.encoders import SIZES
from support.q4 import PIECES, POSITIONS, whole_tensors, write_q4
from tokenizers import normalizers
from transformers import AutoModel, BertConfig, ElectraConfig, RobertaConfig

from kosbert.base import e5
from kosbert.encoder.model import assemble, load
from kosbert.errors import KosbertError
from kosbert.inference import gguf
from kosbert.inference.charsmap import charsmap
from kosbert.inference.export import lowest_cosine

TEXTS = ["", "한국어", "query very", "international 你好 한국", "ｉｎｔｅｒ　NATIONAL", "한국 " * 50]
NASTY = [
    "ﾞｶﾞ",
    "①㈜ ＡＢ\u3000ｃ\td\n\ne",
    "a\u200db\u0085c\ufeff",
    "ㅋㅋ ㄱㅏ",
    "️❤️ 👨‍👩‍👧",
    "e\u0301\u0302 Ç ﬁ",
    "½ … ㎏",
    "～🈻",
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A small encoder with a unigram tokenizer that normalises as the default base's does."""
    return e5.convert(write_q4(tmp_path_factory.mktemp("q4") / "small.q4", whole_tensors()))


@pytest.fixture
def encoder(backbone):
    return assemble(backbone.model, backbone.tokenizer, prompt="query: ", normalize=True)


def of_config(config, backbone, *, normalizer=None):
    """An encoder that normalises no text unless told to, so that its file is read in a moment."""
    tokenizer = copy.deepcopy(backbone.tokenizer)
    tokenizer.backend_tokenizer.normalizer = normalizer or normalizers.Sequence([])
    sizes = {"max_position_embeddings": 18, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    return assemble(AutoModel.from_config(config(**SIZES, **sizes)), tokenizer)


@pytest.fixture(scope="module")
def small(backbone, tmp_path_factory):
    """The small encoder with a prompt, and what its file holds."""
    encoder = assemble(backbone.model, backbone.tokenizer, prompt="query: ", normalize=True)
    folder = tmp_path_factory.mktemp("gguf")
    return encoder, folder / gguf.FILE, *written(encoder, folder)


def written(encoder, tmp_path):
    reader = pytest.importorskip("gguf", reason="the extra gguf is not installed").GGUFReader
    gguf.write_gguf(encoder, tmp_path / gguf.FILE, name="small")
    file = reader(tmp_path / gguf.FILE)
    tensors = {tensor.name: tensor.data for tensor in file.tensors}
    return tensors, {name: field.contents() for name, field in file.fields.items()}


def test_the_file_has_the_weights(small):
    encoder, _, tensors, _ = small
    weights = {name: each.numpy() for name, each in encoder[0].model.state_dict().items() if "pooler" not in name}
    assert len(tensors) == len(weights)
    for name, theirs in {
        "embeddings.word_embeddings.weight": "token_embd.weight",
        "encoder.layer.0.attention.self.key.weight": "blk.0.attn_k.weight",
        "encoder.layer.0.output.dense.weight": "blk.0.ffn_down.weight",
    }.items():
        assert tensors[theirs].dtype == np.float16
        assert (tensors[theirs] == weights[name].astype(np.float16)).all()
    for name, theirs in {
        "embeddings.position_embeddings.weight": "position_embd.weight",
        "embeddings.token_type_embeddings.weight": "token_types.weight",
        "encoder.layer.0.intermediate.dense.bias": "blk.0.ffn_up.bias",
        "encoder.layer.0.output.LayerNorm.weight": "blk.0.layer_output_norm.weight",
    }.items():
        assert (tensors[theirs] == weights[name]).all()


def test_the_file_has_the_vocabulary_and_the_advice(small):
    *_, fields = small
    assert fields["tokenizer.ggml.tokens"] == PIECES
    assert fields["tokenizer.ggml.scores"] == [0.0 if piece.startswith("<") else -1.5 for piece in PIECES]
    special = {"<unk>": 2, "<s>": 3, "<pad>": 3, "</s>": 3, "<mask>": 3}
    assert fields["tokenizer.ggml.token_type"] == [special.get(piece, 1) for piece in PIECES]
    names = {"bos": "<s>", "eos": "</s>", "padding": "<pad>", "unknown": "<unk>"}
    assert {name: PIECES[fields[f"tokenizer.ggml.{name}_token_id"]] for name in names} == names
    assert fields["bert.context_length"] == POSITIONS
    assert fields["bert.pooling_type"] == 1
    assert fields["general.description"] == (
        'Put "query: " before each text. Truncate texts to 16 tokens, including special tokens.'
    )


def test_rows_without_a_piece_are_unused(backbone, tmp_path):
    encoder = of_config(BertConfig, backbone)
    encoder[0].model.resize_token_embeddings(24)
    tensors, fields = written(encoder, tmp_path)
    assert len(tensors["token_embd.weight"]) == len(fields["tokenizer.ggml.tokens"]) == 24
    assert fields["tokenizer.ggml.token_type"][-3:] == [3, 5, 5]
    assert "tokenizer.ggml.precompiled_charsmap" not in fields


def test_positions_of_roberta_begin_after_the_padding(backbone, tmp_path):
    encoder = of_config(RobertaConfig, backbone)
    tensors, fields = written(encoder, tmp_path)
    positions = encoder[0].model.embeddings.position_embeddings.weight.detach().numpy()
    assert (tensors["position_embd.weight"] == positions[2:]).all()
    assert fields["bert.context_length"] == 16


def sentencepiece_normalizer(table):
    """SentencePiece with our table; it refuses a damaged one."""
    proto = sentencepiece_model_pb2.ModelProto()
    proto.normalizer_spec.precompiled_charsmap = table
    proto.normalizer_spec.add_dummy_prefix = proto.normalizer_spec.escape_whitespaces = False
    proto.pieces.add(piece="<unk>", type=2)
    proto.pieces.add(piece="a", type=1)
    return SentencePieceNormalizer(model_proto=proto.SerializeToString())


def test_sentencepiece_normalises_with_the_table_as_the_tokenizer_does(backbone, sentences):
    own = backbone.tokenizer.backend_tokenizer.normalizer
    theirs = sentencepiece_normalizer(charsmap(own))
    texts = [*NASTY, *TEXTS, *sentences, *(unicodedata.normalize("NFD", text) for text in sentences)]
    assert [theirs.normalize(text) for text in texts] == [own.normalize_str(text) for text in texts]


@pytest.mark.parametrize("own", [normalizers.Lowercase(), normalizers.NFD(), normalizers.Replace("가", "나다")])
def test_any_normaliser_of_characters_becomes_a_table(own):
    theirs = sentencepiece_normalizer(charsmap(own))
    assert [theirs.normalize(text) for text in ("AÇ가각b", "Σ")] == [
        own.normalize_str(text) for text in ("AÇ가각b", "Σ")
    ]


def with_another_pooling(encoder):
    encoder[1].pooling_mode = "max"


def with_a_dense_module(encoder):
    encoder.append(Dense(32, 8))


def without_prompt_in_pooling(encoder):
    encoder[1].include_prompt = False


def with_another_activation(encoder):
    encoder[0].model.config.hidden_act = "relu"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_another_pooling, "its pooling is max; llama.cpp has mean, cls, lasttoken"),
        (with_a_dense_module, "GGUF holds a transformer and its pooling, not Transformer, Pooling, Normalize, Dense"),
        (without_prompt_in_pooling, "its pooling excludes the prompt"),
        (with_another_activation, "llama.cpp's BERT is an encoder with GELU, not one with relu"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(encoder, tmp_path, change, message):
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    change(encoder)
    with pytest.raises(KosbertError, match=message):
        gguf.write_gguf(encoder, tmp_path / gguf.FILE, name="small")


def test_other_tokenizers_and_architectures_are_refused(tiny, backbone, tmp_path):
    pytest.importorskip("gguf", reason="the extra gguf is not installed")
    with pytest.raises(KosbertError, match="its tokenizer is BPE; of Korean models"):
        gguf.write_gguf(load(tiny), tmp_path / gguf.FILE, name="small")
    with pytest.raises(KosbertError, match="GGUF export supports bert, roberta, xlm-roberta, not electra"):
        gguf.write_gguf(of_config(ElectraConfig, backbone), tmp_path / gguf.FILE, name="small")


def test_the_extra_is_named(encoder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(KosbertError, match="exporting to GGUF needs gguf, which is not installed"):
        gguf.write_gguf(encoder, tmp_path / gguf.FILE, name="small")


@pytest.fixture
def llama_cpp():
    return pytest.importorskip("llama_cpp", reason="llama-cpp-python, of the extra gguf, is not installed")


@pytest.mark.usefixtures("llama_cpp")
def test_llama_cpp_makes_the_embeddings(small):
    encoder, path, *_ = small
    found = gguf.embed(path, encoder, TEXTS)
    assert lowest_cosine(encoder.encode(TEXTS), found) > 0.999
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-5


@pytest.mark.usefixtures("llama_cpp")
def test_llama_cpp_makes_those_of_roberta(backbone, tmp_path):
    encoder = of_config(RobertaConfig, backbone, normalizer=backbone.tokenizer.backend_tokenizer.normalizer)
    gguf.write_gguf(encoder, tmp_path / gguf.FILE, name="small")
    found = gguf.embed(tmp_path / gguf.FILE, encoder, TEXTS)
    assert lowest_cosine(encoder.encode(TEXTS), found) > 0.999


@pytest.mark.usefixtures("llama_cpp")
def test_a_character_of_several_tokens_is_cut_as_a_whole(small):
    encoder, path, *_ = small
    assert lowest_cosine(encoder.encode(["⩴" * 20]), gguf.embed(path, encoder, ["⩴" * 20])) > 0.9


@pytest.mark.usefixtures("llama_cpp")
def test_other_tokens_are_refused(small, encoder):
    encoder.tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    with pytest.raises(KosbertError, match=r"llama\.cpp reads .* GGUF cannot hold this tokenizer"):
        gguf.embed(small[1], encoder, TEXTS)


@pytest.mark.usefixtures("llama_cpp")
def test_a_damaged_file_is_named(small, tmp_path):
    (tmp_path / gguf.FILE).write_bytes(small[1].read_bytes()[:-1000])
    with pytest.raises(KosbertError, match=r"llama\.cpp cannot read model-f16\.gguf"):
        gguf.embed(tmp_path / gguf.FILE, small[0], TEXTS)
