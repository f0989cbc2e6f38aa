"""Small random models in the exact layouts of the bases that we may not have, made from sentences."""

import json
from collections import Counter

import sentencepiece
import torch
from transformers import BertConfig, BertForMaskedLM, BertModel, BertTokenizer, RobertaConfig, RobertaModel

SHAPE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 130,
    "type_vocab_size": 2,
}


def korbert_pieces(sentences, words=300):
    """An ETRI-style vocabulary: special tokens, characters inside and at the end of a word, and common words."""
    counts = Counter(word for sentence in sentences for word in sentence.split())
    characters = sorted({*"".join(counts), *(chr(code) for code in range(0x21, 0x7F))} - {"_"})
    common = sorted(word + "_" for word, _ in counts.most_common(words) if len(word) > 1)
    single = [*characters, "_", *(character + "_" for character in characters)]
    return list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *single, *common]))


def write_korbert(
    folder, sentences, *, vocabulary="vocab.korean.rawtext.list", config="bert_config.json", prefix="bert."
):
    """The folder that ETRI gives its licence holders, with a small random BERT, the old parameter names included."""
    pieces = korbert_pieces(sentences)
    folder.mkdir(parents=True)
    lines = ["n_iters=30000", "max_length=9", *(f"{piece}\t{index}" for index, piece in enumerate(pieces))]
    (folder / vocabulary).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "src_tokenizer").mkdir()
    (folder / "src_tokenizer/tokenization.py").write_text("raise SystemExit('never run')\n")
    shape = SHAPE | {"vocab_size": len(pieces), "hidden_act": "gelu", "initializer_range": 0.02}
    (folder / config).write_text(json.dumps(shape))
    names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    state = {}
    torch.manual_seed(3)
    for name, values in BertForMaskedLM(BertConfig(vocab_size=len(pieces), **SHAPE)).state_dict().items():
        for new, old in names.items():
            name = name.replace(new, old)  # noqa: PLW2901
        if prefix or name.startswith("bert."):
            state[name if prefix else name.removeprefix("bert.")] = values
    # As PyTorch wrote files in 2019
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    return folder


def train_sentencepiece(file, sentences, *, pieces=700, **options):
    """A SentencePiece model with KoBERT's special tokens at KoBERT's ids."""
    file.parent.mkdir(parents=True, exist_ok=True)
    special = {"unk_id": 0, "pad_id": 1, "bos_id": -1, "eos_id": -1, "unk_piece": "[UNK]", "pad_piece": "[PAD]"}
    special["control_symbols"] = ["[CLS]", "[SEP]", "[MASK]"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_prefix=str(file.with_suffix("")),
        vocab_size=pieces,
        hard_vocab_limit=False,
        num_threads=1,
        minloglevel=2,
        **special | options,
    )
    return file


def write_kobert(folder, sentences):
    """The files of KoBERT on the hub, with a small random BERT; its configuration says the wrong pad id, as happens."""
    file = train_sentencepiece(folder / "spiece.model", sentences)
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(file)).get_piece_size()
    torch.manual_seed(3)
    model = BertModel(BertConfig(vocab_size=pieces, pad_token_id=1, **SHAPE))
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    config = SHAPE | {"vocab_size": pieces, "model_type": "bert", "architectures": ["BertModel"], "pad_token_id": 0}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "XLNetTokenizer"}))
    return folder


def write_klue_roberta(folder, sentences):
    """A RoBERTa with BERT's tokenizer, KLUE's special ids and safetensors, as a hub has it."""
    counts = Counter("".join(sentences).replace(" ", ""))
    characters = sorted(counts)
    pieces = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]", *characters, *("##" + one for one in characters)]
    folder.mkdir(parents=True)
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    tokenizer = BertTokenizer(str(folder / "vocab.txt"), do_lower_case=False, model_max_length=128)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(4)
    special = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
    shape = SHAPE | {"type_vocab_size": 1, "vocab_size": len(pieces)}
    RobertaModel(RobertaConfig(**shape, **special)).save_pretrained(folder)
    return folder
