"""Which cluster, and the nodes that Hearth may use in it; with target docker, the one host."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hearth.settings.base import Labels, Means, Name, NonNegativeInt, ObjectName, PositiveInt, StrictModel, Text


class Cluster(StrictModel):
    """The cluster that a stack is deployed to."""

    context: Text | None = None
    """Context of the kubeconfig; the current one when left out (target onprem)."""
    kubeconfig: Text | None = None
    """Path of the kubeconfig file; `KUBECONFIG` or ~/.kube/config when left out."""


class GpuNodePool(StrictModel):
    """Nodes with the same GPUs."""

    name: Annotated[Name, Means("a name of at most 40 lower-case letters, digits and hyphens", "h200")]
    """What models and Ollama call it in their `pool`."""
    gpu: Annotated[Text, Means("a GPU of the catalog", "H200-141GB")]
    """Product and memory as in the catalog, such as H200-141GB."""
    gpus_per_node: PositiveInt
    """GPUs in each of its nodes."""
    gpu_ids: list[NonNegativeInt] = Field(default=[])
    """Which GPUs of the host, by their index in nvidia-smi; the first ones when left out (target docker)."""
    nodes: list[ObjectName] = Field(default=[])
    """Names of the nodes; Hearth labels and taints them (target onprem). Either these or `selector`."""
    selector: Labels = Field(default={})
    """Labels that such nodes already carry, instead of naming them."""
    node_count: PositiveInt | None = None
    """How many nodes the selector matches; belongs to `selector`."""
    cpus_per_node: PositiveInt | None = None
    """CPUs a node offers to pods; 16 a GPU when left out."""
    memory_gib_per_node: PositiveInt | None = None
    """Memory in GiB a node offers to pods; 128 GiB a GPU when left out."""

    @property
    def size(self) -> int:
        """Number of nodes; a pool that neither counts nor names them is the one host of target docker."""
        return self.node_count or len(self.nodes) or 1


class CpuNodes(StrictModel):
    """The nodes without GPUs: what requests are checked against, and what a rehearsal simulates.

    With target docker, the host, whose GPUs are a pool beside it.
    """

    count: PositiveInt = 3
    """How many there are; target docker has one."""
    cpus: PositiveInt = 16
    """CPUs that each offers to pods."""
    memory_gib: PositiveInt = 64
    """Memory in GiB that each offers to pods."""


AddOnMode = Literal["managed", "present", "off"]


class AddOns(StrictModel):
    """Third-party parts of the cluster: managed (Hearth installs the pinned chart), present (it is there) or off.

    Left out: managed for target onprem where the stack needs it, else present.
    """

    csi_driver_nfs: AddOnMode | None = None
    """Provisions volumes on the NFS server."""
    metallb: AddOnMode | None = None
    """Gives addresses to Services of type LoadBalancer."""
    nvidia_device_plugin: AddOnMode | None = None
    """Offers a node's GPUs to pods; either this or the GPU operator."""
    gpu_operator: AddOnMode | None = None
    """Driver, container toolkit and device plugin in one."""
    cloudnative_pg: AddOnMode | None = None
    """Operator of Postgres clusters; needed by the database engine cloudnativePg."""


AddressRange = Annotated[Text, Means("a range or a CIDR of addresses", "192.168.33.240-192.168.33.250")]


class LoadBalancer(StrictModel):
    """Addresses that MetalLB may give to Services."""

    address_pool: list[AddressRange] = Field(min_length=1)
    """Ranges (192.168.33.240-192.168.33.250) or CIDRs, IPv4 or IPv6."""


class Nfs(StrictModel):
    """An NFS server, reached through csi-driver-nfs, or by Docker's own volumes, with NFS 4.1."""

    server: Annotated[Text, Means("the name or address of an NFS server", "192.168.33.11")]
    """Name or address of the server."""
    share: Annotated[
        str,
        Field(pattern=r"^/\S*$"),
        Means("an absolute path without spaces, as the server exports it", "/export/models"),
    ]
    """Exported path, such as /export/models."""
    mount_options: list[Annotated[Text, Means("one mount option", "nfsvers=4.1")]] = Field(
        default=["nfsvers=4.1", "hard", "noatime"]
    )
    """Options of every mount."""


class Storage(StrictModel):
    """Where weights, chats and databases live."""

    nfs: Nfs | None = None
    """An NFS server to make volumes on. Either this or `storageClass`."""
    host_path: Annotated[
        str | None, Field(pattern=r"^/\S*[^/\s]$"), Means("an absolute path without spaces", "/srv/hearth")
    ] = None
    """A folder of the host to make folders in; Docker's own volumes without it and `nfs` (target docker)."""
    storage_class: ObjectName | None = None
    """An existing StorageClass that gives ReadWriteMany volumes, instead of nfs."""
    database_storage_class: ObjectName | None = None
    """An existing StorageClass for databases; the one above when left out."""
    read_mib_per_second: PositiveInt = 500
    """What one node reads from the volume of weights, in MiB/s; start-up budgets rest on it."""
    retain_data: bool = True
    """Keep the data of every volume when the stack is destroyed; target docker keeps weights in any case."""


class Quota(StrictModel):
    """An upper bound for the namespace, as a ResourceQuota."""

    cpus: PositiveInt | None = None
    """Sum of CPU requests."""
    memory_gib: PositiveInt | None = None
    """Sum of memory requests, in GiB."""
    gpus: NonNegativeInt | None = None
    """Sum of GPU requests."""
