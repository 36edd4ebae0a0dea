"""A small world whose chunk values are known: what each algorithm ought to learn, and what it does.

python -m benchmarks.tabular
python -m benchmarks.tabular --algorithms iql-0.7,qc
"""
