"""Reads from NCCL's log which transport carried its messages between machines. The log needs NCCL_DEBUG=INFO."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PROVIDER = re.compile(r"NET/(?:OFI|AWS Libfabric).*Selected provider is (?P<name>[\w;-]+)", re.IGNORECASE)
# "Channel 00/0 : 0[0] -> 8[0] [send] via NET/AWS Libfabric/0/GDRDMA"
_CHANNEL = re.compile(r"via NET/(?P<net>[^/]+)/\d+(?P<rest>[^\s]*)")


def rdma_seen(lines: Iterable[str]) -> bool | None:
    """Whether messages between machines went over EFA with GPUDirect RDMA.

    True if the provider is efa and every channel between machines says GDRDMA; False if there are such channels and
    none says so; None if the log shows neither.
    """
    providers: set[str] = set()
    direct: set[bool] = set()
    for line in lines:
        if found := _PROVIDER.search(line):
            providers.add(found["name"].lower())
        if found := _CHANNEL.search(line):
            direct.add("libfabric" in found["net"].lower() and "GDRDMA" in found["rest"])
    if direct == {False}:
        return False
    if direct == {True} and providers == {"efa"}:
        return True
    return None
