"""Generation: requests to a served model, with their metrics and their witness."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from llm_claims.workloads.base import Defaults, Workload
from llm_claims.workloads.hardware import Hardware
from llm_claims.workloads.llm.engine import ServingEngine
from llm_claims.workloads.llm.precision import DTYPES, Precision
from llm_claims.workloads.metric import Metric
from llm_claims.workloads.shown import Ceiling, Priced, Scaling, count
from llm_claims.workloads.witness import Witness

_DELAYS = {
    "time_to_first_token_seconds": "s",
    "time_per_output_token_seconds": "s/token",
    "inter_token_latency_seconds": "s",
    "latency_seconds": "s",
}
Quantization = Literal["int8", "int4"]
_STATISTICS = ("mean", "median", "p75", "p90", "p95", "p99")


class GenerationWitness(Witness):
    """What was observed of a request.

    ``forward_dtypes`` are the dtypes of matrix products; ``input_tokens`` and ``new_tokens`` have one entry for each
    sequence, shape (prompts,); ``forward_batch_sizes`` are the batch sizes that the forward received, distinct and
    ascending. ``cache`` is the kind of key-value cache that the forward received; ``calls`` is how often the request
    was made, if its latency is the least of several calls; ``device_memory_gib`` is the cap in force on a GPU's memory.
    ``compiled`` says that decoding ran in compiled code, and no step of it eagerly; ``quantization`` names the integers
    that the layers with a matrix hold; ``weight_bytes`` counts the bytes of all weights as they are stored, on the
    device that holds most.
    """

    owed_by_failures = frozenset({"device_memory_gib"})

    deterministic: bool | None = None
    engine: str | None = None
    api: str | None = None
    model: str | None = None
    parameters: PositiveInt | None = None
    forward_dtypes: tuple[str, ...] | None = None
    input_tokens: tuple[NonNegativeInt, ...] | None = None
    new_tokens: tuple[NonNegativeInt, ...] | None = None
    forward_batch_sizes: tuple[PositiveInt, ...] | None = None
    tensor_parallel_degree: PositiveInt | None = None
    cache: str | None = None
    compiled: bool | None = None
    quantization: str | None = None
    weight_bytes: PositiveInt | None = None
    calls: PositiveInt | None = None
    device_memory_gib: PositiveFloat | None = None
    requests: PositiveInt | None = None
    concurrency: PositiveInt | None = None
    request_rate: PositiveFloat | Literal["inf"] | None = None

    @property
    def identifies_failure(self) -> bool:
        """Whether it says which engine failed."""
        return self.engine is not None

    def faults(self, figures: Mapping[str, float]) -> Iterator[str]:
        """Compare the metrics that are counts with the observed counts."""
        seen = {"largest_forward_batch": self.forward_batch_sizes, "new_tokens_per_sequence": self.new_tokens}
        for name, counts in seen.items():
            if name in figures and counts and figures[name] != max(counts):
                yield f"metric {name!r} is {figures[name]:g}, its witness saw {counts}"
        if self.cache == "static" and self.compiled is False:
            yield "with a static cache decoding is to be compiled, and a step of it ran eagerly"


def _latency(by: str, field: str, **more: Any) -> Scaling:
    """A table of latencies by one field."""
    cells = (("latency_seconds", "{:.3g} s"),)
    return Scaling(f"latency by {by}", field, lambda request: _row(request), cells, "latency_seconds", **more)


class Generation(Workload):
    """One request to a served model: a list of prompts, and exactly ``new_tokens`` new tokens for each.

    Sizes: ``prompts`` prompts of ``input_tokens`` tokens each. ``batch_size`` is the argument
    of the pipeline; ``None`` means that the argument is not passed, which is a configuration of its
    own, so no default fills it. Sampling is at temperature 1.0 with minimum = maximum new tokens.
    ``quantization`` says that weights are stored in fewer bits than ``precision`` computes in; ``None`` that they are
    not: no default fills it. ``cache`` is the kind of key-value cache: a static one is allocated at its full size, so
    that decoding can be compiled. ``device_memory_gib`` caps the memory that the run may allocate on each GPU, in GiB.

    Many requests to a server are such a workload, too: ``requests`` of them, of which ``concurrency`` are under way at
    most, sent at ``request_rate`` a second ("inf": all at once). ``variant`` tells apart what differs in no field, such
    as versions of an engine. All of these are imported, and not measured live.
    """

    Witness = GenerationWitness
    unwitnessed = frozenset({"variant"})
    must_state = ("model", "precision", "engine", "api", "tensor_parallel_degree", "input_tokens", "new_tokens")
    program = (sys.executable, "-m", "llm_claims.workloads.generation.program")
    metrics: ClassVar = {
        "latency_seconds": Metric(unit="s", nature="timed"),
        # A document may print a rounded latency in its text, and more digits in a table.
        "latency_seconds_in_text": Metric(unit="s", nature="timed"),
        "throughput_prompts_per_second": Metric(unit="prompts/s", nature="timed"),
        # from the request to the first new token; the mean over the tokens after it; the median between two of those
        "time_to_first_token_seconds": Metric(unit="s", nature="timed", optional=True),
        "time_per_output_token_seconds": Metric(unit="s/token", nature="timed", optional=True),
        "inter_token_latency_seconds": Metric(unit="s", nature="timed", optional=True),
        "new_tokens_per_sequence": Metric(unit="tokens"),
        "largest_forward_batch": Metric(unit="prompts"),
        # relative to the device's own limit
        "copy_bandwidth_bytes_per_second": Metric(unit="bytes/s", nature="timed"),
        # bytes of all weights on one device times tokens a second, as documents print it
        "weight_bandwidth_bytes_per_second": Metric(unit="bytes/s", nature="timed", optional=True),
        "bandwidth_bound_share": Metric(unit="share", nature="timed"),
        "peak_device_memory_bytes": Metric(unit="bytes", nature="noisy"),
        # of the parts of one request: the prompt with its first token, and the tokens after it
        "decode_seconds": Metric(unit="s", nature="timed", optional=True),
        "prefill_tokens_per_second": Metric(unit="tokens/s", nature="timed", optional=True),
        "decode_tokens_per_second": Metric(unit="tokens/s", nature="timed", optional=True),
        # of many requests at once: `mean_…`, `median_…`, `p99_…` are over all of them
        "completed_requests": Metric(unit="requests", optional=True),
        "failed_requests": Metric(unit="requests", optional=True),
        "duration_seconds": Metric(unit="s", nature="timed", optional=True),
        "requests_per_second": Metric(unit="requests/s", nature="timed", optional=True),
        "goodput_requests_per_second": Metric(unit="requests/s", nature="timed", optional=True),
        "output_tokens_per_second": Metric(unit="tokens/s", nature="timed", optional=True),
        "total_tokens_per_second": Metric(unit="tokens/s", nature="timed", optional=True),
        # one for each completed request, for `percentile`
        "all_time_to_first_token_seconds": Metric(unit="s", nature="timed", several=True, optional=True),
        **{
            f"{statistic}_{delay}": Metric(unit=unit, nature="timed", optional=True)
            for delay, unit in _DELAYS.items()
            for statistic in _STATISTICS
        },
    }

    ceilings = (
        Ceiling(
            share="bandwidth_bound_share",
            of="copy_bandwidth_bytes_per_second",
            words="serving reaches",
            scale=1e12,
            unit="TB/s copied",
        ),
    )
    scalings = (
        _latency("tensor parallel degree", "tensor_parallel_degree"),
        _latency("batch size", "batch_size", follow=("prompts",), noun="prompt", least=2),
        _latency("new tokens", "new_tokens", noun="new token", least=2),
        _latency("input tokens", "input_tokens", noun="input token", least=2),
    )
    priced = Priced(seconds="latency_seconds", field="prompts", noun="prompts", row=lambda request: _row(request))

    model: str | None = None
    precision: Precision | None = None
    engine: ServingEngine | None = None
    api: Literal["generate", "pipeline"] | None = None
    tensor_parallel_degree: PositiveInt | None = None
    input_tokens: PositiveInt | None = None
    new_tokens: PositiveInt | None = None
    prompts: PositiveInt = 1
    batch_size: PositiveInt | None = None
    cache: Literal["dynamic", "static"] | None = None
    quantization: Quantization | None = None
    device_memory_gib: PositiveFloat | None = None
    requests: PositiveInt | None = None
    concurrency: PositiveInt | None = None
    request_rate: PositiveFloat | Literal["inf"] | None = None
    variant: str | None = None

    def expected(self) -> Iterator[tuple[str, object]]:
        """Yield what the witness must show; token counts have an entry for each prompt."""
        for name in (
            *("model", "engine", "api", "tensor_parallel_degree", "cache", "quantization", "device_memory_gib"),
            *("requests", "concurrency", "request_rate"),
        ):
            yield name, getattr(self, name)
        if self.precision is not None:
            yield "forward_dtypes", (DTYPES[self.precision],)
        if self.input_tokens is not None:
            yield "input_tokens", (self.input_tokens,) * self.prompts
        if self.new_tokens is not None:
            yield "new_tokens", (self.new_tokens,) * self.prompts
        if self.batch_size is not None:
            full, rest = divmod(self.prompts, self.batch_size)
            sizes = {self.batch_size} if full else set()
            yield "forward_batch_sizes", tuple(sorted(sizes | ({rest} if rest else set())))

    def check(self, hardware: Hardware) -> None:
        """Raise `Untestable` if this hardware cannot serve the request."""
        from llm_claims.workloads.generation.checks import check

        check(self, hardware)

    @classmethod
    def defaults_on(cls, hardware: Hardware) -> Defaults[Generation] | None:
        """Return a small model on a processor, the document's model on GPUs, and ``None`` elsewhere."""
        from llm_claims.workloads.generation.defaults import CPU, GPU

        if hardware.devices is not None:
            return GPU
        return CPU if hardware.name == "cpu" else None

    @classmethod
    def defaults_type(cls) -> type[Defaults[Generation]]:
        """The class with defaults for other engines, and analogues of smaller GPUs."""
        from llm_claims.workloads.generation.defaults import GenerationDefaults

        return GenerationDefaults


def _row(request: Generation) -> str:
    """Name a request; the fields that its table varies are open."""
    stack = " ".join(filter(None, (request.model, request.engine, request.precision, request.api)))
    if request.input_tokens and request.new_tokens:
        tokens = f"{request.input_tokens}+{request.new_tokens} tokens"
    else:
        sizes = ((request.input_tokens, "input token"), (request.new_tokens, "new token"))
        tokens = ", ".join(count(size, noun) for size, noun in sizes if size)
    batches = f" in batches of {request.batch_size}" if request.batch_size else ""
    prompts = count(request.prompts, "prompt") if request.prompts else ""
    return ", ".join(filter(None, (stack, tokens, prompts))) + batches
