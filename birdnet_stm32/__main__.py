"""``python -m birdnet_stm32``."""

import sys

from birdnet_stm32.cli import main

sys.exit(main())
