"""What each setting allows by itself, but not together with others. Every check is small and stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hearth.problems import Problem
from hearth.settings.checks import cluster, engines, names, network, web_ui
from hearth.settings.stack import Settings

_CHECKS: tuple[Callable[[Settings], Iterator[Problem]], ...] = (
    names.model_names_differ,
    names.pool_names_differ,
    names.nodes_in_one_pool,
    names.model_names_free,
    names.served_names_differ,
    names.adapter_names_differ,
    names.pools_known,
    cluster.context_given,
    cluster.nodes_or_selector,
    cluster.gpus_known,
    cluster.one_storage_source,
    cluster.nfs_has_driver,
    cluster.one_gpu_add_on,
    cluster.time_zone_known,
    network.address_pool_valid,
    network.address_pool_given,
    network.address_pool_allowed,
    network.fixed_address_in_pool,
    network.routed_exposure_complete,
    engines.something_to_serve,
    engines.ollama_models_differ,
    engines.images_match_engines,
    engines.arguments_free,
    web_ui.several_need_redis,
    web_ui.several_need_postgres,
    web_ui.sqlite_on_block_storage,
    web_ui.embedding_model_served,
    web_ui.registered_people_are_no_admins,
)


def find_contradictions(settings: Settings) -> Iterator[Problem]:
    """Everything that is wrong across settings, in the order of the checks."""
    for check in _CHECKS:
        yield from check(settings)
