"""The questions that nobody has answered about the service, asked at a real pool.

`catalogue` has all experiments, which are in the ``about_`` modules; `bench` is what they work
with, `course` runs them, `report` writes down what came of them, and `masking` keeps secrets out
of it.
"""
