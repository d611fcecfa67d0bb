"""What the NPU does with an operator depends on these conditions, each stated once, with how it is known.

The linter's rules, the mapping table, their pages and the report are made from them: who changes a condition
or its evidence here changes all of these. A condition is asked of an operator, or of a tensor, in its graph.
"""
