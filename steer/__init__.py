"""The gateway between robots and the policies that drive them: propose, score, gate, act."""

__version__ = "0.1.0"
