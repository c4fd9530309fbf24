"""`python -m agriseg`: the command line without the window."""

import sys

from agriseg.app import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
