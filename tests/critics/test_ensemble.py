"""Members side by side are what each would be alone."""

import pytest
import torch

from steer.critics.ensemble import EnsembleLayerNorm, EnsembleLinear, EnsembleMlp


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def test_linear_is_k_linears():
    """Each member computes what a linear layer with its weights computes."""
    layer = EnsembleLinear(3, 4, 5)
    x = torch.randn(3, 7, 4)

    out = layer(x)

    for k in range(3):
        single = x[k] @ layer.weight_KIO[k] + layer.bias_K1O[k]
        torch.testing.assert_close(out[k], single)


def test_layer_norm_is_k_layer_norms():
    """Each member computes what a layer norm with its scale and shift computes."""
    layer = EnsembleLayerNorm(2, 6)
    torch.nn.init.normal_(layer.scale_K1O)
    torch.nn.init.normal_(layer.shift_K1O)
    x = torch.randn(2, 3, 6)

    out = layer(x)

    for k in range(2):
        single = torch.nn.functional.layer_norm(
            x[k], (6,), layer.scale_K1O[k, 0], layer.shift_K1O[k, 0]
        )
        torch.testing.assert_close(out[k], single)


def test_shared_rows_go_to_every_member():
    """Rows without a member axis are seen by all members."""
    net = EnsembleMlp(3, 4, (8,), 2)
    x = torch.randn(5, 4)

    torch.testing.assert_close(net(x), net(x.expand(3, 5, 4)))


def test_members_start_apart():
    """No two members have a weight matrix in common at the start."""
    layer = EnsembleLinear(4, 16, 16)

    gaps = [(layer.weight_KIO[0] - layer.weight_KIO[k]).abs().max() for k in range(1, 4)]

    assert min(gaps) > 0.1


def test_members_do_not_share_gradients():
    """The loss of one member moves no other member."""
    net = EnsembleMlp(3, 4, (8, 8), 2)

    net(torch.randn(5, 4))[1].sum().backward()

    for parameter in net.parameters():
        assert parameter.grad[0].abs().max() == 0
        assert parameter.grad[2].abs().max() == 0
        assert parameter.grad[1].abs().max() > 0


def test_layer_norm_is_the_one_of_torch_in_value_and_gradient():
    """Member by member, with its own scale and shift, to float rounding."""
    torch.manual_seed(0)
    norm = EnsembleLayerNorm(3, 24)
    x_KRO = (4 * torch.randn(3, 7, 24) + 2).requires_grad_()
    with torch.no_grad():
        norm.scale_K1O.normal_()
        norm.shift_K1O.normal_()

    out_KRO = norm(x_KRO)
    out_KRO.square().sum().backward()
    parts = []
    other_KRO = x_KRO.detach().clone().requires_grad_()
    for k in range(3):
        weight, bias = norm.scale_K1O[k, 0].detach(), norm.shift_K1O[k, 0].detach()
        parts.append(torch.nn.functional.layer_norm(other_KRO[k], (24,), weight, bias))
    torch.stack(parts).square().sum().backward()

    torch.testing.assert_close(out_KRO, torch.stack(parts))
    torch.testing.assert_close(x_KRO.grad, other_KRO.grad)
    assert set(norm.state_dict()) == {"scale_K1O", "shift_K1O"}
