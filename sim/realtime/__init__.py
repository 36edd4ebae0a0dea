"""The bench of the real-time loop: delays on purpose, and what they cost."""
