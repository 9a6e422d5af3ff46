"""Tables from files and streams, which Python and its libraries read."""

from __future__ import annotations

from registry.row import Job

ROWS = (
    Job("read_table", "test_read_table.py"),
    Job("stream_features", "test_streams.py"),
    Job("stream_scores", "test_streams.py"),
    Job("write_features", "test_streams.py"),
)
