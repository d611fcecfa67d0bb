"""The adapter to ST Edge AI Core (``stedgeai``): command lines in, a typed result out, over its versions."""
