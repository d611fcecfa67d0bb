"""Audio samples of 16 bits (PCM), as recordings hold them and as the front end takes them."""

from __future__ import annotations

# The integer that stands for 1.0; samples are -FULL_SCALE to FULL_SCALE - 1.
FULL_SCALE = 32_768
