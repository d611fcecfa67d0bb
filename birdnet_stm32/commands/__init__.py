"""One module a command: ``EXAMPLE``, ``add_arguments`` and ``run``; its docstring is its help."""
