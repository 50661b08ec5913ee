"""Settings -> Plan: everything is decided here, and nothing is declared."""

from hearth.planning.plan import Plan
from hearth.planning.stack import make_plan

__all__ = ["Plan", "make_plan"]
