"""The chunk network: one context for all of its chunks."""

import torch

from steer.critics.mlp import ChunkMlp


def test_split_first_layer_is_a_layer_over_both():
    """Context and chunk side by side through one layer give the same as the two parts added."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = ChunkMlp(2, context_dim=3, chunk_size=4, hidden=(8, 8), outputs=5)
        context, chunk = torch.randn(6, 3), torch.randn(6, 7, 4)

    both = torch.cat([context[:, None].expand(6, 7, 3), chunk], dim=-1).flatten(0, 1)
    weight = torch.cat([net.context.weight_KIO, net.chunk.weight_KIO], dim=1)
    hidden = net.norm(torch.matmul(both, weight) + net.context.bias_K1O)
    expected = net.body(torch.relu(hidden)).unflatten(1, (6, 7))

    torch.testing.assert_close(net(context, chunk), expected)
