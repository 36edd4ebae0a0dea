"""The value of (observation, chunk): encoders, chunk critics, ensembles, heads, artefacts."""
