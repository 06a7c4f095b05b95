"""`python -m stepstack.cli`, for where no script is on the path."""

import sys

from stepstack.cli import main

if __name__ == "__main__":
    sys.exit(main())
