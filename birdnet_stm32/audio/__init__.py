"""Turn recordings on disk into windows in memory.

Read the rooms in this order: ``containers`` (the bytes of a file), ``decoding`` (bytes to mono PCM),
``splits`` (training or validation), ``index`` (the table of all recordings), ``windows`` (what the network
sees at once).
"""
