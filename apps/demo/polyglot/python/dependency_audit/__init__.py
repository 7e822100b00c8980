"""The part of the dependency audit that runs in Python: it reads, walks and hashes packages.

Names and versions of the tasks, and the JSON of their inputs and outputs, are those of ``apps/demo/src/tasks``: whoever
submits them need not know which language runs them.
"""
