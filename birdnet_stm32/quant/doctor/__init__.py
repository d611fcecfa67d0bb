"""Diagnose why an int8 model failed its gate, by measurements on the model itself, and propose what to do.

Read ``diagnosis`` (findings and proposals), ``facts`` and ``trials`` (what is measured), ``measurements``
(all of it for one model), ``examine`` (how it is measured), and then the checks, ``network_checks`` and
``window_checks``.
"""
