"""The load of bench/web_tier.py, for a moment."""

from __future__ import annotations

import pytest

from bench.tier import Course, Tier, take_turn
from tests.live.client import Client
from tests.live.stack import LiveStack

SHORT = Course(arrival=2, warm_up=0, counted=3)


@pytest.mark.parametrize("activity", ["read", "chat"])
def test_people_are_answered_and_every_part_is_accounted_for(stack: LiveStack, admin: Client, activity: str) -> None:
    tier = Tier(stack, {admin.token or "": admin.chat("plain", "Hello")})
    turn = take_turn(tier, activity, shares=activity == "read", course=SHORT)
    assert not turn.errors
    assert turn.rate > 0
    assert min(turn.cpu_seconds[part] for part in ("web", "postgres", "client")) > 0
