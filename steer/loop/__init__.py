"""System 1: the fast loop on the robot, which acts on every tick whatever the server does.

`steer.loop.run(robot, planner, embodiment, until=...)` is all of it; the other modules are its
parts.
"""

from steer.loop.running import Ran, run

__all__ = ["Ran", "run"]
