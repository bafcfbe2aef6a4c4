"""`python -m sidecar` is `openai-moodle-sidecar`."""

import sys

from sidecar.cli import main

sys.exit(main())
