"""A language model of a few hundred kilobytes, made on the spot, that says one known text.

It is a Llama whose only block adds nothing, so that the next token follows from the last one alone: the output row of
each token of the text is the embedding of the token before. After the last one comes the end, or the first again.
Embeddings are random and nearly orthogonal: averaged over a text they say which words it has.
"""
# pyright: reportMissingImports=false

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import gguf
import numpy as np

_WIDTH = 256
_HEADS = 4
_CONTEXT = 65536
_SHARPNESS = 60.0
"""Logit of the next token; the others' are near 0, so that it is certain at any usual temperature."""

_BYTE_WEIGHT = 1e-4
"""So small that the norm's epsilon outweighs it: unknown words hardly move the average of a text's embeddings."""

_END, _USER, _ASSISTANT = "<|end|>", "<|user|>", "<|assistant|>"
_SPECIAL = (_END, _USER, _ASSISTANT, "<think>", "</think>")
_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'assistant' %}<|assistant|>"
    "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
    "{{ message.content }}<|end|>"
    "{% else %}<|user|>{{ message.content }}<|end|>{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@dataclass(frozen=True)
class Speech:
    """What a model says after any prompt. A word may occur once: the next one must follow from it."""

    text: str
    endless: bool = False
    """Start over at the end, until the client has its max_tokens."""


def write_model(path: Path, speech: Speech, vocabulary: Sequence[str] = (), seed: int = 0) -> None:
    """Write a GGUF file. `vocabulary` are further words with a vector of their own; other text goes by its bytes.

    Raises ValueError when a word of the text occurs twice.
    """
    spoken = [part for part in re.findall(r"</?think>|\s?[^\s<]+", speech.text) if part]
    if len(set(spoken)) < len(spoken):
        raise ValueError(f"words that occur twice: {sorted({part for part in spoken if spoken.count(part) > 1})}")
    bytes_ = _byte_characters()
    words = [part for part in spoken if part not in _SPECIAL]
    words += [form for word in vocabulary for form in (word, f" {word}")]
    plain = ["".join(bytes_[byte] for byte in word.encode()) for word in dict.fromkeys(words)]
    tokens = [*dict.fromkeys([*_SPECIAL, *bytes_, *plain])]
    number = {token: index for index, token in enumerate(tokens)}

    def encoded(part: str) -> int:
        return number[part if part in _SPECIAL else "".join(bytes_[byte] for byte in part.encode())]

    random = np.random.default_rng(seed)
    embeddings = random.standard_normal((len(tokens), _WIDTH)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    output = np.zeros_like(embeddings)
    embeddings[[number[byte] for byte in bytes_]] *= _BYTE_WEIGHT
    for word in vocabulary:
        embeddings[encoded(f" {word}")] = embeddings[encoded(word)]
    chain = [number[_ASSISTANT], *(encoded(part) for part in spoken)]
    chain.append(chain[1] if speech.endless else number[_END])
    for before, after in pairwise(chain):
        output[after] += embeddings[before]

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(_CONTEXT)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_WIDTH)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")  # takes whole words that are in the vocabulary
    writer.add_token_list(tokens)
    control, user_defined, normal = gguf.TokenType.CONTROL, gguf.TokenType.USER_DEFINED, gguf.TokenType.NORMAL
    kinds = [control] * 3 + [user_defined] * 2 + [normal] * (len(tokens) - len(_SPECIAL))
    writer.add_token_types(kinds)
    writer.add_token_merges([f"{bytes_[0]} {bytes_[0]}"])  # at least one is expected; this one applies to nothing
    writer.add_eos_token_id(number[_END])
    writer.add_bos_token_id(number[_USER])
    writer.add_add_bos_token(False)
    writer.add_chat_template(_TEMPLATE)

    ones, square = np.ones(_WIDTH, np.float32), np.zeros((_WIDTH, _WIDTH), np.float32)
    # The norm makes a unit vector's elements 1 on average: its length is then the root of the width.
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", output * np.float32(_SHARPNESS / np.sqrt(_WIDTH)))
    for name in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{name}.weight", ones)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", square)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _byte_characters() -> list[str]:
    """The character that stands for each byte in the vocabularies of GPT-2's kind: printable ones for themselves."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
