"""What a training container finds under /opt/ml, but for its data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_FOLDERS = ("input/config", "input/data", "model", "output/data", "code", "checkpoints")


def lay_out(root: Path, host: str, hosts: tuple[str, ...], body: dict[str, Any]) -> list[tuple[Path, str]]:
    """Make the folders and the three files of the configuration; return each channel's folder and address."""
    for part in _FOLDERS:
        (root / part).mkdir(parents=True)
    channels = {row["ChannelName"]: row for row in body.get("InputDataConfig", [])}
    files = {
        "hyperparameters": body.get("HyperParameters", {}),
        "resourceconfig": _resources(host, hosts, body["ResourceConfig"]["InstanceType"]),
        "inputdataconfig": {name: _channel_words(row) for name, row in channels.items()},
    }
    for name, content in files.items():
        (root / "input/config" / f"{name}.json").write_text(json.dumps(content))
    folders = []
    for name, row in channels.items():
        folder = root / "input/data" / name
        folder.mkdir()
        folders.append((folder, row["DataSource"]["S3DataSource"]["S3Uri"]))
    return folders


def _resources(host: str, hosts: tuple[str, ...], instance_type: str) -> dict[str, Any]:
    group = {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": list(hosts)}
    return {
        "current_host": host,
        "current_instance_type": instance_type,
        "current_group_name": "homogeneousCluster",
        "hosts": list(hosts),
        "instance_groups": [group],
        "network_interface_name": "lo",
    }


def _channel_words(row: dict[str, Any]) -> dict[str, str]:
    distribution = row["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated")
    return {
        "TrainingInputMode": row.get("InputMode", "File"),
        "S3DistributionType": distribution,
        "RecordWrapperType": "None",
    }
