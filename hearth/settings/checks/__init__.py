"""What each setting allows by itself, but not together with others. Every check is small and stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hearth.problems import Problem
from hearth.settings.checks import (
    backup,
    cluster,
    docker,
    engines,
    external_stores,
    names,
    network,
    provision,
    services,
    stores,
    web_ui,
)
from hearth.settings.stack import Settings

Checks = tuple[Callable[[Settings], Iterator[Problem]], ...]

_OF_EVERY_TARGET: Checks = (
    names.model_names_differ,
    names.pool_names_differ,
    names.nodes_in_one_pool,
    names.model_names_free,
    names.served_names_differ,
    names.adapter_names_differ,
    names.pools_known,
    cluster.gpus_known,
    cluster.time_zone_known,
    engines.something_to_serve,
    engines.ollama_models_differ,
    engines.images_match_engines,
    engines.built_images_reachable,
    engines.arguments_free,
    stores.several_need_redis,
    stores.several_need_postgres,
    stores.shared_class_is_shared,
    stores.store_keys_heeded,
    external_stores.external_stores_given,
    external_stores.external_urls_understood,
    services.embedding_model_served,
    services.vectors_fit,
    services.one_speech_to_text,
    services.speech_model_served,
    services.speech_model_readable,
    services.something_to_chat_with,
    backup.one_backup_place,
    web_ui.locale_known,
    web_ui.registered_people_are_no_admins,
    web_ui.somebody_can_sign_in,
    web_ui.provider_can_return,
    web_ui.roles_and_groups_have_claims,
    web_ui.origins_fit_cookies,
    web_ui.arena_models_known,
    provision.provisioned_names_differ,
    provision.entries_rest_on_served_models,
    provision.functions_and_groups_known,
    provision.access_said_once,
    provision.base_models_open,
    provision.arenas_open,
    provision.members_stay,
    provision.permissions_known,
    provision.valves_hold_no_secrets,
)
_OF_CLUSTERS: Checks = (
    cluster.context_given,
    cluster.nodes_or_selector,
    cluster.one_storage_source,
    cluster.nfs_has_driver,
    cluster.one_gpu_add_on,
    network.address_pool_valid,
    network.address_pool_given,
    network.address_pool_allowed,
    network.fixed_address_in_pool,
    network.routed_exposure_complete,
    stores.sqlite_on_block_storage,
    stores.sentinel_possible,
    stores.cluster_has_operator,
    docker.only_of_docker,
)
_OF_DOCKER: Checks = (
    docker.only_of_clusters,
    docker.one_of_each,
    docker.no_cluster_stores,
    docker.ports_for_exposure,
    docker.gpus_of_one_host,
    docker.one_place_for_volumes,
    docker.ports_published_once,
)


def find_contradictions(settings: Settings) -> Iterator[Problem]:
    """Everything that is wrong across settings, in the order of the checks."""
    for check in (*_OF_EVERY_TARGET, *(_OF_DOCKER if settings.target == "docker" else _OF_CLUSTERS)):
        yield from check(settings)
