from __future__ import annotations

from datetime import timedelta

import pytest

from hearth.stacks import durations


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("30m", timedelta(minutes=30)),
        ("8h", timedelta(hours=8)),
        ("7d", timedelta(days=7)),
        (" 2w ", timedelta(weeks=2)),
    ],
)
def test_lengths_are_read(text: str, length: timedelta) -> None:
    assert durations.parse(text) == length


@pytest.mark.parametrize("text", ["", "8", "h", "8 h", "-1h", "1.5h", "8s", "1h30m", "0h", "400d", "9999999w", "٣h"])
def test_other_texts_are_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=repr(text)):
        durations.parse(text)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(days=7, seconds=-5), "7 days"),
        (timedelta(hours=26), "1 day"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(minutes=59), "59 minutes"),
        (timedelta(seconds=20), "0 minutes"),
        (timedelta(days=-1), "0 minutes"),
    ],
)
def test_lengths_are_told(length: timedelta, words: str) -> None:
    assert durations.words(length) == words
