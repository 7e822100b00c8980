"""``python -m spanloom.runner``: see command_line."""

import sys

from .command_line import main

# Worker processes of Runner(pool="processes") load this module again, under another name.
if __name__ == "__main__":
    sys.exit(main())
