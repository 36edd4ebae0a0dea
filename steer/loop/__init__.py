"""System 1: the fast loop on the robot, which acts on every tick whatever the server does."""
