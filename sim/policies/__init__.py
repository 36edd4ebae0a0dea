"""The demo's policies: LeRobot's own diffusion class, small, cloned from the collected data."""
