"""Measurements of speed; each writes its records to `demo/`, and `make results` publishes."""

from sim.interrupt import end_quietly_on_interrupt

end_quietly_on_interrupt()
