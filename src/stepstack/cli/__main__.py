"""`python -m stepstack.cli`, for where no script is on the path."""

import sys

from stepstack.cli import main

sys.exit(main())
