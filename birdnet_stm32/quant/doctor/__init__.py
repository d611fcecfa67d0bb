"""Why an int8 model misses its gate: measured on the model itself, with what to do about it."""
