"""How long a plan takes: `python -m bench.plan [--write]`; --write also renews its section of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import yaml

from bench.page import PAGE, ROOT, measured_with, table, write_section

TITLE = "The plan"
REFERENCE = "import pulumi, pydantic, pulumi_kubernetes.core.v1, pulumi_kubernetes.apps.v1"
RUNS = 7
SIZES = (10, 100, 1000)
GPUS_PER_NODE = 8
MAX_RATIO = 2.5
MAX_GROWTH = 1.3
MAX_MIB = 500


@dataclass(frozen=True)
class Run:
    """One finished process."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    output: str


@dataclass(frozen=True)
class Size:
    """The plan of a stack of many models."""

    models: int
    resources: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.plan", description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"renew {PAGE.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    prod, reference = in_turns(plan_prod, import_reference)
    sizes = [plan_of(models) for models in SIZES]
    smallest, middle, largest = sizes
    growth = per_model(largest, smallest) / per_model(middle, smallest)
    results = [
        ("plan of prod / reference import", prod / reference, MAX_RATIO),
        ("CPU time of each further model at 1000 / at 100", growth, MAX_GROWTH),
        ("peak memory at 1000 models, MiB", largest.peak_mib, MAX_MIB),
    ]
    lines = list(render(prod, reference, sizes, results))
    print("\n".join(lines))
    if options.write:
        write_section(TITLE, lines)
    return 0 if all(value <= limit for _, value, limit in results) else 1


def plan_prod() -> Run:
    return run([sys.executable, "-m", "hearth", "plan", "-s", "prod"], ROOT)


def import_reference() -> Run:
    return run([sys.executable, "-c", REFERENCE], ROOT)


def in_turns(*measures: Callable[[], Run]) -> list[float]:
    """Median seconds of each, measured in turns so that a busy machine slows all alike; the first turn warms up."""
    turns = [[measure().seconds for measure in measures] for _ in range(RUNS + 1)][1:]
    return [median(seconds) for seconds in zip(*turns, strict=True)]


def plan_of(models: int) -> Size:
    with tempfile.TemporaryDirectory() as directory:
        stack = Path(directory) / "Pulumi.many.yaml"
        stack.write_text(yaml.safe_dump({"config": dict(many(models))}), encoding="utf-8")
        done = run([sys.executable, "-m", "hearth", "plan", "-s", "many", "-C", directory, "--json"], ROOT)
    resources = sum(json.loads(done.output)["resources"].values())
    return Size(models, resources, done.seconds, done.cpu_seconds, done.peak_mib)


def many(models: int) -> Iterator[tuple[str, object]]:
    """Config of a stack with that many models of one GPU each."""
    yield "hearth:target", "kubernetes"
    yield "hearth:cluster", {"context": "many"}
    pool = {"name": "gpus", "gpu": "H100-80GB", "gpusPerNode": GPUS_PER_NODE, "selector": {"pool": "gpus"}}
    yield "hearth:gpuNodePools", [{**pool, "nodeCount": -(-models // GPUS_PER_NODE)}]
    yield "hearth:storage", {"storageClass": "shared"}
    model = {"source": "openai/gpt-oss-20b", "engine": "vllm", "pool": "gpus", "contextLength": 8192}
    yield "hearth:models", [{"name": f"model-{number}", **model} for number in range(models)]
    yield "hearth:webUi", {"exposure": {"type": "none"}, "admin": {"email": "admin@example.org"}}


def run(command: Sequence[str], directory: Path) -> Run:
    """Run a process to its end.

    Ends the program with the process's own message when it fails.
    """
    with tempfile.TemporaryFile("w+") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, cwd=directory, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{text[-2000:]}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text)


def per_model(size: Size, smaller: Size) -> float:
    """CPU seconds of each model that `size` has more, so that start-up does not count."""
    return (size.cpu_seconds - smaller.cpu_seconds) / (size.models - smaller.models)


def render(
    prod: float, reference: float, sizes: Sequence[Size], results: Sequence[tuple[str, float, float]]
) -> Iterator[str]:
    yield measured_with("make bench")
    yield ""
    rows = [(name, f"{value:.2f}", f"{limit:g}") for name, value, limit in results]
    yield from table(("result", "measured", "at most"), rows)
    yield ""
    yield f"`hearth plan -s prod` took {prod:.2f} s, a process that imports `pulumi`, `pydantic` and the core/v1 and"
    yield f"apps/v1 modules of `pulumi_kubernetes` {reference:.2f} s (medians of {RUNS} runs each, in turns)."
    yield ""
    sizes_header = ("models", "resources", "seconds", "CPU seconds", "peak MiB")
    yield from table(
        sizes_header,
        [
            (size.models, size.resources, f"{size.seconds:.1f}", f"{size.cpu_seconds:.1f}", f"{size.peak_mib:.0f}")
            for size in sizes
        ],
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
