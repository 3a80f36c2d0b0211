"""The same as the coatcheck command: python -m coatcheck.cli."""

import sys

from coatcheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
