"""A bank of states: at each, candidates of a policy and how each of them ended in the simulator.

Made once with the evaluator's arm `probe`; then any critic is judged on it in seconds:

    python -m sim.evaluate --cells diffusion/push --arms probe --candidates 64 \
        --seeds tune --first 1000 --episodes 150 --logs 150 --output runs/probe
    python -m sim.bank runs/probe --output results/bank
    python -m sim.bank.judge results/bank --critics sim/artefacts/critics
"""
