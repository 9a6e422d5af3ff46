"""Tables from files, which Python and its libraries read."""

from __future__ import annotations

from registry.row import Job

ROWS = (Job("read_table", "test_read_table.py"),)
