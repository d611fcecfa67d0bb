"""Run a stage only if it is stale, and publish its results as a whole.

Read the modules in this order: ``release`` and ``stage`` (what is run), ``manifest`` and ``store`` (what is
published), ``code_digest`` and ``staleness`` (when a stage runs), ``run_stage``, ``build_lock``,
``doit_state``.
"""
