"""The adapter to ST Edge AI Core (``stedgeai``): a command line in, one typed result out, over its versions."""
