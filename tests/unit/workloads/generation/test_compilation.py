"""How decoding is compiled: on a processor because it is told to, on a GPU with a product that reads int8."""

from __future__ import annotations

from warm import inside


@inside
def test_a_processor_compiles_and_a_gpu_does_so_by_itself() -> None:
    from llm_claims.workloads.generation.compilation import compile_config

    assert compile_config("cpu", None) == compile_config("cpu", "int8")
    assert compile_config("cpu", None)._compile_all_devices is True
    assert compile_config("cuda", None) is None


@inside
def test_int8_is_converted_within_the_product_on_a_gpu() -> None:
    """With these options, which TorchInductor knows, it writes a product with one row as a sum."""
    import torch
    from torch._inductor import config
    from torch._inductor.decomposition import mm

    from llm_claims.workloads.generation.compilation import compile_config

    how = compile_config("cuda", "int8")
    assert how._compile_all_devices is None
    torch._TorchCompileInductorWrapper(how.mode, how.options, how.dynamic)  # refuses options that it does not know
    row, matrix = (torch.empty(*shape, device="meta") for shape in ((1, 8), (8, 4)))
    assert mm(row, matrix) is NotImplemented
    with config.patch(how.options):
        assert mm(row, matrix).shape == (1, 4)
