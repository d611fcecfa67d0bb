"""The name of the table of the recordings that a model learned from.

It is apart from the code of the table, because the list of stages needs it and must import nothing slow.
"""

LEARNED_FROM_SUFFIX = "_learned_from.tsv"
