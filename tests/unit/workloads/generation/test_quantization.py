"""Weight-only int8: what the layers hold, how exact their products are, and what the model says of itself."""

from __future__ import annotations

import pytest
from warm import inside


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@inside
def test_a_product_differs_by_the_rounding_of_the_weights_alone(dtype: str) -> None:
    import torch

    from llm_claims.workloads.generation.quantization import Int8Linear

    of = getattr(torch, dtype)
    torch.manual_seed(1)
    linear = torch.nn.Linear(64, 48, bias=False, dtype=of)
    x = torch.randn(3, 64, dtype=of)
    layer = Int8Linear(linear)
    scales = linear.weight.float().abs().amax(1) / 127
    assert layer.weight.dtype == torch.int8
    assert layer.weight.shape == (48, 64)
    assert layer.weight.abs().amax(1).tolist() == [127] * 48
    assert torch.equal(layer.scales, scales.to(of))
    # Rounding moves each weight by half a step at most; what is stored in bf16 has 8 digits.
    assert ((layer.weight * scales[:, None] - linear.weight.float()).abs() <= 0.5001 * scales[:, None]).all()
    assert layer(x).dtype == of
    exact = x.float() @ (layer.weight.float() * layer.scales.float()[:, None]).T
    assert torch.allclose(layer(x).float(), exact, rtol=3 * torch.finfo(of).eps, atol=8 * torch.finfo(of).eps)


@inside
def test_a_channel_of_zeros_stays_zero() -> None:
    import torch

    from llm_claims.workloads.generation.quantization import Int8Linear

    linear = torch.nn.Linear(4, 2, bias=False)
    torch.nn.init.zeros_(linear.weight)
    assert Int8Linear(linear)(torch.ones(1, 4)).tolist() == [[0, 0]]


@inside
def test_a_model_tells_what_its_layers_hold_and_in_how_many_bytes() -> None:
    import torch

    from llm_claims.workloads.generation.quantization import quantization_of, quantize, weight_bytes

    model = torch.nn.Sequential(
        torch.nn.Embedding(10, 8), torch.nn.Linear(8, 6, bias=False), torch.nn.Linear(6, 4, bias=False)
    ).to(torch.bfloat16)
    assert quantization_of(model) is None
    assert weight_bytes(model) == 2 * (80 + 48 + 24)
    kept = model[2]
    quantize(model)
    assert quantization_of(model) == "int8"
    assert weight_bytes(model) == 2 * 80 + 48 + 24 + 2 * (6 + 4)
    model[2] = kept
    assert quantization_of(model) == "bfloat16+int8"
    model[2] = torch.nn.Linear(6, 4)
    with pytest.raises(ValueError, match="has a bias"):
        quantize(model)


@inside
def test_a_layer_is_freed_before_the_next_is_quantized() -> None:
    import weakref

    import torch

    from llm_claims.workloads.generation import quantization

    model = torch.nn.Sequential(
        *(torch.nn.Sequential(*(torch.nn.Linear(4, 4, bias=False) for _ in range(2))) for _ in range(3))
    )
    whole = [weakref.ref(module) for module in model.modules() if isinstance(module, torch.nn.Linear)]
    left = []

    class Watched(quantization.Int8Linear):
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__(linear)
            left.append(sum(one() is not None for one in whole))

    quantization.Int8Linear = Watched  # type: ignore[misc]
    quantization.quantize(model)
    assert left == [6, 5, 4, 3, 2, 1]
