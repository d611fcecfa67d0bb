"""Measure a model on labelled recordings: metrics, bootstrap intervals, and comparison with chance."""
