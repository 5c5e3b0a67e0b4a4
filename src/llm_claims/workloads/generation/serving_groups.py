"""All serving groups on this machine's GPUs, and what each process of them does."""

from __future__ import annotations

from collections.abc import Iterator

from llm_claims.workloads.clock import clock
from llm_claims.workloads.devices import find_devices
from llm_claims.workloads.generation.engines import EngineFailure
from llm_claims.workloads.generation.loaded_model import LoadedModel, ModelKey, Run, answer_of, call, load_model
from llm_claims.workloads.generation.request import key_of, supported
from llm_claims.workloads.generation.serving_group import ServingGroup
from llm_claims.workloads.generation.workload import Generation, GenerationWitness
from llm_claims.workloads.llm.gpu import own_device
from llm_claims.workloads.llm.shapes import weights_of
from llm_claims.workloads.outcome import Outcome, outcome_of, signature
from llm_claims.workloads.program import answer
from llm_claims.workloads.protocol import Answer, Request
from llm_claims.workloads.witness import Witness

LONGEST = (750, 128)
"""Input tokens and new tokens of the longest request in any claim."""
_MIB, _GIB = 2**20, 2**30
# Device memory over that of the weights: key-value caches, workspaces, CUDA graphs.
_BESIDE_WEIGHTS = 1.3
_USABLE_SHARE = 0.9


class ServingGroups:
    """Answers requests for `Generation` on GPUs, with a serving group for each model that is loaded.

    When memory is short, the least recently used group is closed. ``calls`` is how often a request is called and
    timed. With one, there are no warm-up calls either: a caller who measures latency from outside warms up by sending
    requests.
    """

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._groups: dict[ModelKey, ServingGroup] = {}
        self._capacity_bytes = find_devices().memory_mib * _MIB * _USABLE_SHARE

    def run(self, request: Request) -> Answer:
        """Have the serving group of the workload's model answer; start the group if there is none.

        Raises
        ------
        UnsupportedWorkload
            The workload states something that this program cannot run, or leaves a required field open.
        RankError
            A process failed, or outcomes or witnesses differ; the group is closed.
        """
        key = key_of(supported(request.workload, "cuda"))
        if key in self._groups:
            self._groups[key] = self._groups.pop(key)  # now the most recently used
        else:
            self._make_room(key)
            self._groups[key] = ServingGroup(lambda: ServingRank(key, self._calls).answer, ranks_of(key))
        try:
            return self._groups[key].ask(request)
        except BaseException:
            self._groups.pop(key).close()
            raise

    def _make_room(self, key: ModelKey) -> None:
        while self._groups and sum(map(_bytes_of, (key, *self._groups))) > self._capacity_bytes:
            self._groups.pop(next(iter(self._groups))).close()


def ranks_of(key: ModelKey) -> int:
    """Return how many processes a model needs: one for each device with DeepSpeed, else one for all devices."""
    return key.degree if key.engine.startswith("deepspeed") else 1


def forward_batch(workload: Generation) -> int:
    """Return the batch size of the model's forward: all prompts with generate, ``batch_size`` with the pipeline."""
    return workload.prompts if workload.api == "generate" else workload.batch_size or 1


def _bytes_of(key: ModelKey) -> float:
    needed = 2.0 * weights_of(key.model) / key.degree * _BESIDE_WEIGHTS
    return min(needed, (key.device_memory_gib or needed) * _GIB)


class ServingRank:
    """One process of a serving group: loads its part of the model at the first request, and answers requests."""

    def __init__(self, key: ModelKey, calls: int) -> None:
        import torch

        self._key, self._calls = key, calls
        self._device = own_device()
        torch.cuda.set_device(self._device)
        self._loaded: LoadedModel | None = None
        self._copy_bandwidth = 0.0
        self._compiled: set[int] = set()
        self._called_before: set[str] = set()
        self._last_batch = 0

    def answer(self, line: str) -> str:
        """Answer one request; both are a line of JSON."""
        return answer(self.run, line).model_dump_json()

    def run(self, request: Request) -> Answer:
        """Run a request. Running out of memory under a cap, or a failure of the engine, is a result with a witness."""
        import torch

        assert isinstance(request.workload, Generation)
        try:
            return self._run(request.workload, request.seed)
        except EngineFailure as failure:
            return Answer(outcome=Outcome(kind="failed", signature=str(failure)), witness=self._failing())
        except torch.OutOfMemoryError as error:
            if self._key.device_memory_gib is None:
                raise
            return Answer(outcome=outcome_of(error), witness=self._seen())

    def _run(self, workload: Generation, seed: int) -> Answer:
        import torch

        loaded = self._load_once()
        clock.begin("compiling")
        for untimed in self._warm_ups(workload) if self._calls > 1 else ():
            self._call(loaded, untimed)
        clock.begin("measuring")
        runs: list[Run] = []
        for _ in range(self._calls):
            torch.manual_seed(seed)
            loaded.observer.reset()
            runs.append(self._call(loaded, workload))
        clock.begin("rest")
        found = answer_of(loaded, workload, runs)
        assert isinstance(found.witness, GenerationWitness)
        fastest = min(run.seconds for run in runs)
        metrics = {**found.metrics, **self._device_metrics(workload, fastest, found.witness.weight_bytes or 0)}
        return found.model_copy(update={"metrics": metrics, "witness": _with(found.witness, self._seen())})

    def _warm_ups(self, workload: Generation) -> Iterator[Generation]:
        """Yield requests to call first and untimed, since a first call compiles code and allocates memory.

        A static cache, and the code compiled for it, is reused while the batch size stays the same and no request is
        longer. So for each batch size the longest request in any claim is called first.
        """
        batch = forward_batch(workload)
        if workload.cache == "static" and batch not in self._compiled:
            self._compiled.add(batch)
            longest = {"input_tokens": LONGEST[0], "new_tokens": LONGEST[1]}
            yield workload.model_copy(update={"api": "generate", "prompts": batch, "batch_size": batch, **longest})
        if workload.digest not in self._called_before or (workload.cache == "static" and batch != self._last_batch):
            yield workload
        self._called_before.add(workload.digest)
        self._last_batch = batch

    def _call(self, loaded: LoadedModel, workload: Generation) -> Run:
        """Call the model; with DeepSpeed, report any error but out of memory as an `EngineFailure`."""
        try:
            return call(loaded, workload)
        except Exception as error:
            if not self._key.engine.startswith("deepspeed") or type(error).__name__ == "OutOfMemoryError":
                raise
            raise EngineFailure(signature(error)) from error

    def _load_once(self) -> LoadedModel:
        import torch

        from llm_claims.workloads.llm.ceilings import copy_bandwidth_bytes_per_second

        if self._loaded is None:
            # Measured before the memory is capped and before anything else is on the device.
            self._copy_bandwidth = copy_bandwidth_bytes_per_second(self._device)
            torch.cuda.empty_cache()
            self._cap()
            torch.cuda.reset_peak_memory_stats()
            self._loaded = load_model(self._key, str(self._device))
            if self._key.quantization is not None:
                # Serving never holds the weights that were quantized: they are no part of its peak.
                torch.cuda.reset_peak_memory_stats()
        return self._loaded

    def _cap(self) -> None:
        import torch

        if (gib := self._key.device_memory_gib) is not None:
            total = torch.cuda.get_device_properties(self._device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, gib * _GIB / total), self._device)

    def _device_metrics(self, workload: Generation, seconds: float, weight_bytes: int) -> dict[str, float]:
        """Return the device's copy bandwidth, the share of it that decoding reached in ``seconds``, and peak memory.

        For each new token all weights, ``weight_bytes`` on a device, are read once for a whole batch; without
        ``batch_size`` they are read once for each prompt.
        """
        import torch

        times = (workload.new_tokens or 0) * (1 if workload.batch_size else workload.prompts)
        return {
            "copy_bandwidth_bytes_per_second": self._copy_bandwidth,
            "bandwidth_bound_share": times * weight_bytes / self._copy_bandwidth / seconds,
            "peak_device_memory_bytes": float(torch.cuda.max_memory_allocated()),
        }

    def _seen(self) -> GenerationWitness:
        """Return the observations that can be made however a run ended: the device, and the cap on its memory."""
        import torch

        total = torch.cuda.get_device_properties(self._device).total_memory
        share = torch.cuda.get_per_process_memory_fraction(self._device)
        cap = round(share * total / _GIB, 3) if self._key.device_memory_gib is not None else None
        return GenerationWitness(device=self._device.type, device_memory_gib=cap)

    def _failing(self) -> GenerationWitness:
        """Return those observations and the engine, whose code failed."""
        return self._seen().model_copy(update={"engine": self._key.engine})


def _with(witness: Witness | None, more: GenerationWitness) -> Witness:
    assert witness is not None
    return witness.model_copy(update={"device_memory_gib": more.device_memory_gib})
