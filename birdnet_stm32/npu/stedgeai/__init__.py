"""The adapter to ST Edge AI Core (``stedgeai``): command lines and typed results, for each version.

Reading order: ``installation`` and ``tool`` find the program; ``command``, ``profile``, ``work_folder`` and
``tool_run`` run it; ``messages`` explains its errors. ``text_report``, ``c_info``, ``network_c`` and
``ec_blobs`` read its files; ``compile`` joins them to a ``compilation``, which ``gates`` judges. ``validate``
runs ST's own comparison.
"""
