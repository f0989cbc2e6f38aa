"""What is tried: the environments, each with its pinned packages, and the readers of a model or of an export in them.

Only the packages that a user would name are pinned; what they bring is the newest that they allow, as for that user.
"""

from dataclasses import dataclass

TORCH = "torch==2.13.0"  # the same in all environments, so that embeddings can be equal to the last bit
ROUNDING = 0.999  # the lowest cosine with the embeddings of the model, where another engine computes
INT8 = 0.97  # and where the weights have 8 bits
QUANTIZED = {"onnx": "onnx/model_quantized.onnx", "openvino": "openvino/openvino_model_qint8_quantized.xml"}


@dataclass(frozen=True)
class Environment:
    """Packages that are installed together, with pip or with npm."""

    packages: tuple[str, ...]
    npm: bool = False


@dataclass(frozen=True)
class Reader:
    """A program that embeds the texts with a saved model or an export.

    Args:
        title: what the table calls it.
        environment: where it runs.
        probe: its file in the folder `probes`.
        reads: `model` or `export`.
        arguments: what the probe takes after the folder and the names of two files.
        lowest: the lowest cosine with the embeddings of the model, for an engine of its own; None for PyTorch.
        within: the largest difference from the embeddings of the model, for PyTorch.
        cuts: whether it cuts long texts as the model does; if not, the long text is shown and does not count.
    """

    title: str
    environment: str
    probe: str
    reads: str = "model"
    arguments: tuple[str, ...] = ()
    lowest: float | None = None
    within: float = 0
    cuts: bool = True


ENVIRONMENTS = {
    "st-6.2": Environment((TORCH, "sentence-transformers==6.2.0", "transformers==5.23.0")),
    "st-3.4": Environment((TORCH, "sentence-transformers==3.4.1", "transformers==4.49.0")),
    "st-export": Environment((TORCH, "sentence-transformers[onnx,openvino]==5.7.0", "transformers==4.57.6")),
    "langchain": Environment(
        (TORCH, "langchain-huggingface[full]==1.2.3", "sentence-transformers==5.7.0", "transformers==5.24.0")
    ),
    "llama-index": Environment((TORCH, "llama-index-embeddings-huggingface==0.8.0")),
    "fastembed": Environment(("fastembed==0.9.1", "onnxruntime==1.32.0", "tokenizers==0.23.3")),
    "transformers.js": Environment(("@huggingface/transformers@4.3.2",), npm=True),
}


def _export(title: str, environment: str, probe: str, *arguments: str, precision: str = "fp32", **more: bool) -> Reader:
    lowest = ROUNDING if precision == "fp32" else INT8
    return Reader(f"{title}, {precision}", environment, probe, "export", arguments, lowest, **more)


READERS = {
    "st-6.2": Reader("sentence-transformers 6.2", "st-6.2", "sentence_transformers_model.py"),
    "st-5.7-transformers-4": Reader(
        "sentence-transformers 5.7, transformers 4.57", "st-export", "sentence_transformers_model.py"
    ),
    "st-5.7-transformers-5": Reader(
        "sentence-transformers 5.7, transformers 5.24", "langchain", "sentence_transformers_model.py"
    ),
    "st-3.4": Reader("sentence-transformers 3.4", "st-3.4", "sentence_transformers_model.py"),
    "langchain": Reader("LangChain `HuggingFaceEmbeddings`", "langchain", "langchain_model.py"),
    # It scales embeddings to length 1, again.
    "llama-index": Reader("LlamaIndex `HuggingFaceEmbedding`", "llama-index", "llama_index_model.py", within=1e-6),
    "st-onnx": _export('`SentenceTransformer(backend="onnx")`', "st-export", "sentence_transformers_export.py", "onnx"),
    "st-openvino": _export(
        '`SentenceTransformer(backend="openvino")`', "st-export", "sentence_transformers_export.py", "openvino"
    ),
    "fastembed": _export("fastembed", "fastembed", "fastembed_model.py"),
    "transformers.js": _export("transformers.js", "transformers.js", "transformers_js.mjs"),
    "transformers.js-pipeline": _export(
        "transformers.js, pipeline", "transformers.js", "transformers_js_pipeline.mjs", cuts=False
    ),
    "onnxruntime": _export("ONNX Runtime and tokenizers", "fastembed", "onnxruntime_alone.py"),
    **{
        f"st-{engine}-int8": _export(
            f'`SentenceTransformer(backend="{engine}")`',
            "st-export",
            "sentence_transformers_export.py",
            engine,
            file,
            precision="int8",
        )
        for engine, file in QUANTIZED.items()
    },
    "fastembed-int8": _export("fastembed", "fastembed", "fastembed_model.py", QUANTIZED["onnx"], precision="int8"),
    "transformers.js-int8": _export(
        "transformers.js", "transformers.js", "transformers_js.mjs", "q8", precision="int8"
    ),
    "onnxruntime-int8": _export(
        "ONNX Runtime and tokenizers", "fastembed", "onnxruntime_alone.py", QUANTIZED["onnx"], precision="int8"
    ),
}

# What does not run here: why not, and what is checked in its place.
NOT_RUN = {
    '`SentenceTransformer(backend="openvino")` of 6.2': "optimum-intel 2.2 brings a torchvision that does not fit a "
    "PyTorch for CPUs; tried once without it: lowest cosine 0.99992",
    "text-embeddings-inference": "comes as a container, from no package index; `test_servers.py` checks each field",
    "vLLM": "is for GPUs, and of gigabytes; `test_servers.py` checks each field",
}
