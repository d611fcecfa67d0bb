"""Int8 arithmetic, conversion and its verification."""
