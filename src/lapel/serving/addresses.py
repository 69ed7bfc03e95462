"""Addresses of servers."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own: others do not reach it, and no proxy leads to it.

    Args:
        host: a name, or a number of version 4 or 6, with brackets or without.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False  # a name may lead anywhere
