"""The names of the files that say what a model learned from: recordings, and a teacher.

They are apart from the code of these files, because the list of stages needs them and must import nothing
slow.
"""

LEARNED_FROM_SUFFIX = "_learned_from.tsv"
TEACHER_SUFFIX = "_teacher.json"
