"""What config.json says, in the ways that models say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from hearth.catalog.architecture import (
    Attention,
    FullAttention,
    LatentAttention,
    LinearAttention,
    SlidingAttention,
)
from hearth.catalog.config_json import RELEVANT_KEYS, ConfigError, read_architecture
from hearth.catalog.model_types import model_types
from tests.catalog import sample_configs as samples
from tests.catalog.sample_configs import Config

SAMPLES = {name: value for name, value in vars(samples).items() if name.isupper()}
EACH = pytest.mark.parametrize("config", SAMPLES.values(), ids=SAMPLES.keys())


def kept(config: Config) -> list[tuple[int, Attention]]:
    return [(group.count, group.attention) for group in read_architecture(config).layers]


def test_grouped_query_attention() -> None:
    assert kept(samples.QWEN3_8B) == [(36, FullAttention(8, 128, 128))]


def test_head_size_is_the_hidden_size_over_the_heads_where_it_is_not_given() -> None:
    assert kept(samples.QWQ_32B) == [(64, FullAttention(8, 128, 128))]


def test_every_head_has_its_own_keys_where_kv_heads_are_not_given() -> None:
    config = {**samples.LLAMA_3_1_8B, "num_key_value_heads": None}
    assert kept(config) == [(32, FullAttention(32, 128, 128))]


def test_multi_query_attention_has_one_kv_head() -> None:
    falcon = {
        "model_type": "falcon",
        "hidden_size": 4544,
        "n_layer": 32,
        "n_head": 71,
        "vocab_size": 65024,
        "ffn_hidden_size": 18176,
        "multi_query": True,
    }
    assert kept(falcon) == [(32, FullAttention(1, 64, 64))]


def test_falcons_new_architecture_has_as_many_kv_heads_as_it_says() -> None:
    falcon = {
        "model_type": "falcon",
        "hidden_size": 8192,
        "num_hidden_layers": 60,
        "num_attention_heads": 128,
        "num_kv_heads": 8,
        "vocab_size": 65024,
        "ffn_hidden_size": 32768,
        "multi_query": True,
        "new_decoder_architecture": True,
    }
    assert kept(falcon) == [(60, FullAttention(8, 64, 64))]


def test_latent_attention() -> None:
    assert kept(samples.DEEPSEEK_V3) == [(61, LatentAttention(512, 64))]


def test_sparse_indexer_keeps_keys_of_its_own() -> None:
    assert kept(samples.DEEPSEEK_V32) == [(61, LatentAttention(512, 64, 128))]


def test_latent_vectors_of_minicpm_are_kept_expanded() -> None:
    minicpm = {
        "model_type": "minicpm3",
        "hidden_size": 2560,
        "intermediate_size": 6400,
        "num_hidden_layers": 62,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
        "vocab_size": 73448,
        "kv_lora_rank": 256,
        "q_lora_rank": 768,
        "qk_nope_head_dim": 64,
        "qk_rope_head_dim": 32,
    }
    assert kept(minicpm) == [(62, FullAttention(40, 96, 96))]


def test_listed_layers_slide() -> None:
    assert kept(samples.GPT_OSS_20B) == [(12, SlidingAttention(8, 64, 64, 128)), (12, FullAttention(8, 64, 64))]


def test_gemma_3_leaves_its_pattern_and_heads_to_its_class() -> None:
    assert kept(samples.GEMMA3_4B) == [(29, SlidingAttention(4, 256, 256, 1024)), (5, FullAttention(4, 256, 256))]


def test_sliding_window_pattern_is_every_nth_layer() -> None:
    config = {**samples.GEMMA3_4B["text_config"], "num_attention_heads": 8, "vocab_size": 262208}
    assert kept({**config, "sliding_window_pattern": 2})[1] == (17, FullAttention(8, 256, 256))


def test_gemma_4_has_other_heads_in_its_global_layers() -> None:
    assert kept(samples.GEMMA4_31B) == [
        (50, SlidingAttention(16, 256, 256, 1024)),
        (10, FullAttention(4, 512, 512)),
    ]


def test_layers_that_share_a_cache_keep_nothing() -> None:
    gemma = {**samples.GEMMA4_31B["text_config"], "num_kv_shared_layers": 18}
    assert sum(count for count, _ in kept(gemma)) == 42


def test_window_of_every_layer() -> None:
    mistral = {**samples.LLAMA_3_1_8B, "model_type": "mistral", "sliding_window": 4096}
    assert kept(mistral) == [(32, SlidingAttention(8, 128, 128, 4096))]


@pytest.mark.parametrize("off", [{"sliding_window": None}, {"sliding_window": 0}, {"use_sliding_window": False}])
def test_window_that_is_off(off: Config) -> None:
    mistral = {**samples.LLAMA_3_1_8B, "model_type": "mistral", "sliding_window": 4096, **off}
    assert kept(mistral) == [(32, FullAttention(8, 128, 128))]


def test_window_from_a_layer_on() -> None:
    config = {**samples.QWEN3_8B, "sliding_window": 4096, "use_sliding_window": True, "max_window_layers": 28}
    assert kept(config) == [(28, FullAttention(8, 128, 128)), (8, SlidingAttention(8, 128, 128, 4096))]


def test_llama_4_attends_in_chunks_except_every_fourth_layer() -> None:
    assert kept(samples.LLAMA_4_SCOUT) == [
        (36, SlidingAttention(8, 128, 128, 8192, chunked=True)),
        (12, FullAttention(8, 128, 128)),
    ]


def test_gated_delta_net() -> None:
    assert kept(samples.QWEN3_NEXT_80B) == [
        (36, LinearAttention(32 * 128 * 128, (2 * 16 * 128 + 32 * 128) * 3, recurrent_bytes=2)),
        (12, FullAttention(2, 256, 256)),
    ]


def test_state_in_float32_where_the_config_says_so() -> None:
    config = {**samples.QWEN3_NEXT_80B, "mamba_ssm_dtype": "float32"}
    state = kept(config)[0][1]
    assert isinstance(state, LinearAttention)
    assert state.recurrent_bytes == 4


def test_hybrid_pattern_of_letters() -> None:
    assert kept(samples.NEMOTRON_NANO_9B) == [
        (27, LinearAttention(128 * 80 * 128, (128 * 80 + 2 * 8 * 128) * 3)),
        (4, FullAttention(8, 128, 128)),
    ]


def test_layers_with_only_an_mlp_count_as_layers() -> None:
    assert read_architecture(samples.NEMOTRON_NANO_9B).hidden_layers == 56


def test_kimi_linear_counts_its_layers_from_one() -> None:
    assert kept(samples.KIMI_LINEAR_48B)[1] == (7, LatentAttention(512, 64))


def test_longcat_has_two_attentions_a_layer() -> None:
    longcat = {
        "model_type": "longcat_flash",
        "hidden_size": 6144,
        "num_layers": 28,
        "num_attention_heads": 64,
        "vocab_size": 131072,
        "ffn_hidden_size": 12288,
        "expert_ffn_hidden_size": 2048,
        "n_routed_experts": 512,
        "moe_topk": 12,
        "kv_lora_rank": 512,
        "q_lora_rank": 1536,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
    }
    assert kept(longcat) == [(56, LatentAttention(512, 64))]


@pytest.mark.parametrize(
    ("config", "experts", "active"),
    [
        pytest.param(samples.QWEN3_30B_A3B, 128, 8, id="num_experts"),
        pytest.param(samples.DEEPSEEK_V3, 256, 8, id="n_routed_experts"),
        pytest.param(samples.MIXTRAL_8X7B, 8, 2, id="num_local_experts"),
        pytest.param(samples.KIMI_LINEAR_48B, 256, 8, id="num_experts_per_token"),
        pytest.param(samples.QWEN3_8B, 0, 0, id="dense"),
    ],
)
def test_experts(config: Config, experts: int, active: int) -> None:
    architecture = read_architecture(config)
    assert (architecture.experts, architecture.experts_per_token) == (experts, active)


@pytest.mark.parametrize(
    ("config", "longest"),
    [
        pytest.param(samples.LLAMA_3_1_8B, 131072, id="llama3 scaling is in already"),
        pytest.param(samples.DEEPSEEK_V3, 163840, id="yarn is in already"),
        pytest.param(samples.GEMMA3_4B, 131072, id="Gemma 3's factor is in already"),
        pytest.param(samples.BGE_M3, 8192, id="RoBERTa's table has two more"),
        pytest.param(samples.KIMI_LINEAR_48B, 1048576, id="model_max_length"),
        pytest.param({**samples.QWEN3_8B, "rope_scaling": {"rope_type": "linear", "factor": 2}}, 81920, id="linear"),
        pytest.param({**samples.QWEN3_8B, "rope_scaling": {"type": "dynamic", "factor": 4.0}}, 163840, id="dynamic"),
        pytest.param(
            {**samples.QWEN3_8B, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}, 40960, id="v5"
        ),
    ],
)
def test_longest_context(config: Config, longest: int) -> None:
    assert read_architecture(config).max_context == longest


@pytest.mark.parametrize("key", ["torch_dtype", "dtype"])
def test_either_name_of_the_dtype(key: str) -> None:
    config = {**samples.QWEN3_8B, "torch_dtype": None, key: "float32"}
    assert read_architecture(config).checkpoint_dtype_bytes == 4


def test_engines_compute_float32_models_in_16_bits() -> None:
    assert read_architecture(samples.BGE_M3).dtype_bytes == 2


@pytest.mark.parametrize("part", ["text_config", "llm_config", "language_config"])
def test_nested_language_model(part: str) -> None:
    config = {"model_type": "a_new_wrapper", part: samples.QWEN3_8B}
    assert read_architecture(config).layers == read_architecture(samples.QWEN3_8B).layers


def test_nested_in_a_thinker() -> None:
    thinker = {"text_config": samples.QWEN3_30B_A3B, "vision_config": samples.GEMMA3_4B["vision_config"]}
    architecture = read_architecture({"model_type": "qwen3_omni_moe", "thinker_config": thinker})
    assert (architecture.experts, architecture.multimodal) == (128, True)


def test_vision_tower_makes_it_multimodal() -> None:
    assert read_architecture(samples.GEMMA3_4B).multimodal


def test_text_model_of_a_multimodal_family_is_not() -> None:
    assert not read_architecture({**samples.GEMMA3_4B, "vision_config": None}).multimodal


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        pytest.param(samples.BGE_M3, True, id="encoder"),
        pytest.param({**samples.LLAMA_3_1_8B, "architectures": ["MistralModel"]}, True, id="decoder without a head"),
        pytest.param(samples.QWEN3_8B, False, id="language model"),
        pytest.param({**samples.LLAMA_3_1_8B, "architectures": ["InternVLChatModel"]}, False, id="chat model"),
    ],
)
def test_embedding_models(config: Config, pooling: bool) -> None:
    assert read_architecture(config).pooling == pooling


def test_null_is_none_and_not_what_the_class_assumes() -> None:
    exaone = {**samples.QWEN3_8B, "model_type": "exaone4", "sliding_window": None}
    assert kept(exaone) == [(36, FullAttention(8, 128, 128))]


@pytest.mark.parametrize("name", model_types())
def test_every_model_type_is_read_or_refused_with_a_reason(name: str) -> None:
    config = {**samples.QWEN3_8B, "model_type": name}
    try:
        assert read_architecture(config).hidden_layers in (36, 72)
    except ConfigError as error:
        assert error.remedy


class _Recording(Mapping[str, object]):
    """A config that remembers which of its keys were asked for."""

    def __init__(self, content: Config) -> None:
        self.content = content
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> object:
        self.asked.add(key)
        return self.content[key]

    def get(self, key: str, default: object = None) -> object:
        self.asked.add(key)
        return self.content.get(key, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.content)

    def __len__(self) -> int:
        return len(self.content)


@EACH
def test_keys_that_are_read_are_the_relevant_ones(config: Config) -> None:
    recording = _Recording(config)
    read_architecture(recording)
    assert recording.asked <= RELEVANT_KEYS


@EACH
def test_nothing_but_the_relevant_keys_matters(config: Config) -> None:
    reduced = {key: value for key, value in config.items() if key in RELEVANT_KEYS}
    assert read_architecture(reduced) == read_architecture(config)
