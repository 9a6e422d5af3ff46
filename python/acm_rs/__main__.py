"""``python -m acm_rs`` is the command line ``acm-rs``."""

import sys

from acm_rs.cli import main

if __name__ == "__main__":
    sys.exit(main())
