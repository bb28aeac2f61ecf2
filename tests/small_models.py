"""Real models, small enough to be made in a test."""

from pathlib import Path

import numpy as np
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, StaticEmbedding, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

CHARACTERS = sorted(
    set("谁主持了大会查询文档:协和医院天气晴朗甲乙丙同志由今日很好querypassage为这个句子生成表示以用于检索相关文章：")
)


def small_static(folder: Path) -> Path:
    """Three characters with known vectors."""
    vocabulary = {"[UNK]": 0, "大": 1, "会": 2, "a": 3}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    table = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0], [0, 0, 5]], np.float32)
    model = SentenceTransformer(
        modules=[StaticEmbedding(tokenizer, embedding_weights=table), Normalize()], device="cpu"
    )
    model.save(str(folder))
    return folder


def small_transformer(
    folder: Path, prompts: dict[str, str] | None = None, pooling: str = "mean", truncate_dim: int | None = None
) -> Path:
    """A Transformer of 2 layers, 32 wide, the same every time, with prompts of its own."""
    bert = folder.with_name(f"{folder.name}-bert")
    torch.manual_seed(1)
    BertModel(_config(pad_token_id=0)).save_pretrained(bert)
    _tokenizer().save_pretrained(bert)
    if prompts is None:
        prompts = {"query": "查询:", "document": "文档:"}
    modules = [Transformer(str(bert)), Pooling(32, pooling)]
    SentenceTransformer(modules=modules, device="cpu", prompts=prompts, truncate_dim=truncate_dim).save(str(folder))
    return folder


def small_cross_encoder(folder: Path, labels: int = 1) -> Path:
    """A cross-encoder of 2 layers, 32 wide, the same every time; its scores lie apart but mean nothing."""
    torch.manual_seed(2)
    BertForSequenceClassification(_config(num_labels=labels, initializer_range=0.5)).save_pretrained(folder)
    _tokenizer().save_pretrained(folder)
    return folder


def _config(**settings: float) -> BertConfig:
    return BertConfig(
        vocab_size=5 + len(CHARACTERS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        **settings,
    )


def _tokenizer() -> BertTokenizerFast:
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *CHARACTERS]
    return BertTokenizerFast(vocab={token: n for n, token in enumerate(vocabulary)})
