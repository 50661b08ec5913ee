"""`python -m hearth.rehearsal.controllers --kubeconfig FILE [--address-pool RANGE ...]`: run the site's stand-ins."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from hearth.rehearsal.api import Api
from hearth.rehearsal.controllers.loop import run


def main() -> None:
    """Read the arguments and run until ended."""
    parser = argparse.ArgumentParser(prog="hearth.rehearsal.controllers", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--address-pool", action="append", default=[], help="range or CIDR for load balancers")
    arguments = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    run(Api(arguments.kubeconfig), tuple(arguments.address_pool))


main()
