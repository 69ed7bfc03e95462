"""Shares of a list: together they are the list, and each is as long as the others."""

from __future__ import annotations

import pytest

from lapel.inference.bulk.shares import share_of
from lapel.schema.errors import UsageError

NAMES = [f"{number:02d}.jpg" for number in range(11)]


@pytest.mark.parametrize("count", [1, 2, 3, 11])
def test_every_picture_is_in_one_share(count: int) -> None:
    shares = [share_of(NAMES, f"{number}/{count}") for number in range(1, count + 1)]
    assert [name for share in shares for name in share] == NAMES
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("share", ["0/2", "3/2", "half", "1/0", "-1/2", "1/2/3"])
def test_what_is_no_share_is_refused(share: str) -> None:
    with pytest.raises(UsageError, match="a share is as 2/8"):
        share_of(NAMES, share)


def test_more_shares_than_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match="11 pictures are no 12 shares"):
        share_of(NAMES, "1/12")
