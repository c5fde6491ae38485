"""`python -m rev2net_lite` is the command `rev2net`."""

import sys

from rev2net_lite.cli import main

if __name__ == "__main__":
    sys.exit(main())
