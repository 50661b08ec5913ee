"""Weights and adapters on volumes: the claim, the Job that fills it, and the step that waits for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hearth.planning.memory.deployment import GIB
from hearth.planning.plan import DownloadPlan, NodePool
from hearth.planning.rollout import download_seconds
from hearth.planning.scripts import SCRIPTS, script
from hearth.settings.models import HuggingFace
from hearth.workload import (
    Claim,
    ClaimVolume,
    Container,
    FilesVolume,
    Mount,
    Resources,
    Scheduling,
    ScratchVolume,
    Security,
    Workload,
)

_WAIT = {name: script(name) for name in ("wait_for_weights.py", "weights_volume.py")}
_DOWNLOAD = {name: script(name) for name in ("download_weights.py", "weights_selection.py", "weights_volume.py")}
_DOWNLOADER = Security(user=2000, group=0)
"""Any user that is not root; the files it leaves are readable by all."""
_NO_RETRY = (2, 3, 4)
"""Exit codes of download_weights.py: wrong settings, no access to the model, no such model or revision."""
_CLAIM_MARGIN = 1.1
"""Room for tokenizer, configuration and a file that is being replaced."""


@dataclass(frozen=True)
class Source:
    """A repository of the hub, and where its files are in containers."""

    repository: str
    revision: str
    size_gib: float
    directory: str

    def env(self, time_zone: str) -> Mapping[str, str]:
        """Variables of the download and of the step that waits for it."""
        return {
            "TZ": time_zone,
            "MODEL_SOURCE": self.repository,
            "MODEL_REVISION": self.revision,
            "MODEL_DIRECTORY": self.directory,
        }


def plan_download(
    name: str,
    source: Source,
    *,
    image: str,
    pool: NodePool | None,
    hugging_face: HuggingFace,
    storage_class: str,
    time_zone: str,
) -> DownloadPlan:
    """The claim `<name>-weights` and the Job `<name>-download`, in the server's image on its pool or on CPU nodes."""
    claim = Claim(f"{name}-weights", math.ceil(source.size_gib * _CLAIM_MARGIN), storage_class, shared=True)
    job = Workload(
        name=f"{name}-download",
        kind="job",
        tier="weights",
        container=Container(
            name="download",
            image=image,
            resources=Resources(cpus=1, memory_gib=4, scratch_gib=2),
            command=("python3", f"{SCRIPTS}/download_weights.py"),
            env={
                **source.env(time_zone),
                "HF_ENDPOINT": hugging_face.endpoint,
                "EXPECTED_BYTES": str(round(source.size_gib * GIB)),
                "HOME": "/tmp",
            },
            secret_env=("HF_TOKEN",) if hugging_face.token else (),
            mounts=(
                Mount(source.directory, ClaimVolume(claim.name)),
                Mount("/tmp", ScratchVolume(size_gib=1)),
                Mount(SCRIPTS, FilesVolume(_DOWNLOAD), read_only=True),
            ),
        ),
        security=_DOWNLOADER,
        claims=(claim,),
        scheduling=Scheduling(node_labels=pool.labels, tolerations=pool.taints) if pool else Scheduling(),
        internet=True,
        final_exit_codes=_NO_RETRY,
        ready_timeout_seconds=download_seconds(source.size_gib),
    )
    return DownloadPlan(name, source.repository, source.revision, claim, job)


def wait_for(what: str, source: Source, claim: Claim, *, image: str, time_zone: str) -> Container:
    """A step before a server: it ends when the volume is complete."""
    return Container(
        name=f"wait-for-{what}",
        image=image,
        resources=Resources(cpus=0.1, memory_gib=0.25),
        command=("python3", f"{SCRIPTS}/wait_for_weights.py"),
        env=source.env(time_zone),
        mounts=(
            Mount(source.directory, ClaimVolume(claim.name), read_only=True),
            Mount(SCRIPTS, FilesVolume(_WAIT), read_only=True),
        ),
    )
