"""Simulated robots that use the service as any robot would: over the wire, and nothing else.

`sim` is a client. Only `sim.recording` and `sim.policies` import lerobot and torch.
"""

from sim.interrupt import end_quietly_on_interrupt

end_quietly_on_interrupt()
