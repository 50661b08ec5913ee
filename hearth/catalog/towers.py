"""Counts the parameters of a multimodal model's vision or audio tower, roughly: the standard vision transformer."""

from __future__ import annotations

from hearth.catalog.config_values import Values

_GATED = ("pixtral", "qwen2_5_vl", "qwen2_5_omni_vision_encoder", "glm4v", "gemma4_vision")
"""Vision models whose MLP has a gate, by the start of their model_type."""
_UNKNOWN_TOWER = 300_000_000
"""Gemma 3n's MobileNet-V5 (its model card), whose config names only a preset."""
_WIDTHS = ("embed_dim", "vt_hidden_size", "d_model", "hidden_size", "width")
_DEPTHS = ("depth", "num_hidden_layers", "vt_num_hidden_layers", "encoder_layers", "layers")
_MLPS = ("intermediate_size", "vt_intermediate_size", "encoder_ffn_dim", "mlp_dim")


def tower_parameters(tower: Values, text_width: int) -> int:
    """Parameters of the tower and of its projection to the language model's width."""
    width, depth = _first(tower, _WIDTHS), _first(tower, _DEPTHS)
    if not width or not depth:
        return _UNKNOWN_TOWER
    inner = _first(tower, _MLPS)
    if not inner:
        ratio = tower.get("mlp_ratio")
        inner = int(width * ratio) if isinstance(ratio, int | float) else 4 * width
    matrices = 3 if tower.text("model_type").startswith(_GATED) else 2
    layer = 4 * width * width + matrices * width * inner + 6 * width + inner
    embedding = 0
    if tower.has("patch_size"):
        patch = tower.size("patch_size")
        embedding = 3 * patch * patch * tower.size("temporal_patch_size", 1) * width
        embedding += (tower.count("image_size", 0) // patch) ** 2 * width
    merged = width * tower.count("spatial_merge_size", 1) ** 2
    projections = 1 + len(tower.items("deepstack_visual_indexes"))
    projection = merged * text_width + (merged * merged if merged > width else 0)
    return depth * layer + embedding + projections * projection


def _first(tower: Values, keys: tuple[str, ...]) -> int:
    return next((tower.count(key) for key in keys if isinstance(tower.get(key), int)), 0)
