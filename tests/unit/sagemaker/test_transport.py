from __future__ import annotations

import pytest

from llm_claims.sagemaker.transport import rdma_seen

EFA = "algo-1:42:99 [0] NCCL INFO NET/OFI Selected provider is efa, fabric is efa (found 4 nics)"
NEW = "algo-1:42:99 [0] NCCL INFO NET/AWS Libfabric Selected provider is efa"
DIRECT = "algo-1:42:99 [0] NCCL INFO Channel 00/0 : 8[0] -> 0[0] [receive] via NET/AWS Libfabric/0/GDRDMA"
OLD_DIRECT = "algo-1:42:99 [0] NCCL INFO Channel 00/0 : 8[0] -> 0[0] [receive] via NET/Libfabric/0/GDRDMA"
STAGED = "algo-1:42:99 [0] NCCL INFO Channel 00/0 : 0[0] -> 8[0] [send] via NET/AWS Libfabric/0"
SOCKET = "algo-1:42:99 [0] NCCL INFO Channel 00/0 : 0[0] -> 8[0] [send] via NET/Socket/0"
INSIDE = "algo-1:42:99 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/IPC"


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ([EFA, INSIDE, DIRECT], True),
        ([NEW, OLD_DIRECT], True),
        ([EFA, INSIDE, STAGED], False),
        ([SOCKET], False),
        ([DIRECT], None),
        ([EFA, DIRECT, STAGED], None),
        ([EFA, INSIDE], None),
        (["NCCL INFO NET/OFI Selected provider is tcp", DIRECT], None),
        ([], None),
    ],
    ids=["on", "on-older", "off-efa", "off-sockets", "no-provider", "mixed", "no-channel", "not-efa", "silent"],
)
def test_the_log_tells_what_carried_the_messages(lines: list[str], seen: bool | None) -> None:
    assert rdma_seen(lines) is seen
