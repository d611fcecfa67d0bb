"""Choose the range of float values that each tensor's int8 codes represent."""
