"""python -m linnet: the command line."""

import sys

from linnet.cli import main

sys.exit(main())
