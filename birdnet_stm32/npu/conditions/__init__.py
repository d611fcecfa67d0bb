"""Conditions that decide what the NPU does with an operator. Each is stated once, with its evidence.

The rules of the linter, the mapping table, their pages and the report are all made from these conditions. A
change here changes all of them. A condition is a question about a node, or about a tensor in its graph.
"""
