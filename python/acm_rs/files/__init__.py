"""Tables as plants have them: what a historian, a SCADA system or a spreadsheet writes, read and written.

It needs Polars (``pip install acm-rs[cli]``).
"""
