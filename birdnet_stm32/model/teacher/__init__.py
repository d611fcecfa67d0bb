"""A teacher: a model that heard more than the student will. It labels windows, in training only."""
