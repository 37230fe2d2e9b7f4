# mypy: ignore-errors
"""Make a checkpoint for PyTorch of a BERT encoder in int8: its weights, dequantised.

    python checkpoint.py MODEL.ONNX TOKENIZER.JSON TARGET

The peers then compute with the very weights that prismd computes with, in fp32 as they do it.
Linear layers stand in the graph as products of integers, named by the layer, with a scale and a
zero point for each column; embeddings stand there with one scale for all.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import save_file

_HEADS = 12


def weights(graph):
    """Tensors by the names that transformers has for them, fp32."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    found = {name: value for name, value in stored.items() if _is_plain(name, value)}
    for name, value in stored.items():
        if name.startswith("embeddings.") and name.endswith("_quantized"):
            stem = name.removesuffix("_quantized")
            found[stem] = _dequantised(value, stored, stem)
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            layer = node.name.strip("/").removesuffix("/MatMul_quant").replace("/", ".")
            stem = node.input[1].removesuffix("_quantized")
            # A linear layer of PyTorch keeps a row for each output, the graph a column.
            found[f"{layer}.weight"] = _dequantised(stored[node.input[1]], stored, stem).T
    return {name: np.ascontiguousarray(value, np.float32) for name, value in found.items()}


def _is_plain(name, value):
    return value.dtype == np.float32 and name.endswith((".bias", "LayerNorm.weight"))


def _dequantised(value, stored, stem):
    zero = stored[f"{stem}_zero_point"].astype(np.int32)
    return (value.astype(np.int32) - zero) * stored[f"{stem}_scale"]


def config(tensors):
    """The shape of the model, read off its weights."""
    vocabulary, width = tensors["embeddings.word_embeddings.weight"].shape
    layers = {name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")}
    return {
        "model_type": "bert",
        "architectures": ["BertModel"],
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": len(layers),
        "num_attention_heads": _HEADS,
        "intermediate_size": len(tensors["encoder.layer.0.intermediate.dense.bias"]),
        "max_position_embeddings": len(tensors["embeddings.position_embeddings.weight"]),
        "type_vocab_size": len(tensors["embeddings.token_type_embeddings.weight"]),
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
        "torch_dtype": "float32",
    }


def main(model, tokenizer, target):
    """Write the checkpoint, as sentence-transformers saves one."""
    from sentence_transformers import SentenceTransformer, models
    from transformers import PreTrainedTokenizerFast

    folder = Path(target)
    body = folder / "body"
    body.mkdir(parents=True)
    tensors = weights(onnx.load(model).graph)
    save_file(tensors, body / "model.safetensors", metadata={"format": "pt"})
    (body / "config.json").write_text(json.dumps(config(tensors)))
    special = {
        f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")
    }
    PreTrainedTokenizerFast(
        tokenizer_file=tokenizer,
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **special,
    ).save_pretrained(body)
    transformer = models.Transformer(str(body), max_seq_length=512)
    pooling = models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode="cls")
    modules = [transformer, pooling, models.Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save(str(folder / "model"))


if __name__ == "__main__":
    main(*sys.argv[1:])
