"""An adapter for OPC UA in twenty lines; a stub stands where the server would be.

    acm-rs watch pump.acm python:examples/opcua_stub.py:Plant

With asyncua (pip install asyncua) ``read`` becomes
``[client.get_node(node).read_value() for node in NODES.values()]`` of ``asyncua.sync.Client``.
"""

import math
from datetime import datetime, timedelta

NODES = {"Load": "ns=2;i=3", "Flow": "ns=2;i=4", "Bearing Temp": "ns=2;i=5", "Current": "ns=2;i=6"}
START, STEP = datetime(2026, 1, 11, 10), timedelta(minutes=10)


def read(row: int) -> list[float]:
    """What the server would answer: one value for each node."""
    load = 60 + 8 * math.sin(row / 25)
    return [load, 2 * load, 30 + 0.4 * load, 0.3 * load]


class Plant:
    """Reads the nodes once for each poll."""

    def poll(self, position: int | None) -> tuple[list[tuple[datetime, dict[str, float]]], int]:
        """The next row, and its number as the position."""
        row = 0 if position is None else position + 1
        if row >= 50:
            return [], row - 1
        return [(START + row * STEP, dict(zip(NODES, read(row), strict=True)))], row
