"""The crews of all stands that are up on this machine's GPUs, and what each of them does."""

from __future__ import annotations

from collections.abc import Iterator

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
"""Input and new tokens of the longest requests that claims are about."""
_MIB, _GIB = 2**20, 2**30
# Key-value caches, workspaces and graphs beside the weights.
_BESIDE_WEIGHTS = 1.3
_ROOM = 0.9


class ServingGroups:
    """Answers requests for `Generation` on GPUs; the crew that was asked longest ago makes room for a new one.

    ``calls`` is how often a request is called and timed. With one, nothing else is called for it: that is for those who
    take the time from outside, and warm up by asking.
    """

    def __init__(self, calls: int) -> None:
        self._calls = calls
        self._up: dict[ModelKey, ServingGroup] = {}
        self._room = find_devices().memory_mib * _MIB * _ROOM

    def run(self, request: Request) -> Answer:
        """Have the workload's crew run it, with the fewest processes that can.

        Raises
        ------
        UnsupportedWorkload
            The workload asks for what this program does not do, or leaves open what it must know.
        RankError
            A process failed, or processes saw different runs.
        """
        key = key_of(supported(request.workload, "cuda"))
        if key in self._up:
            self._up[key] = self._up.pop(key)  # asked last
        else:
            self._make_room(key)
            self._up[key] = ServingGroup(lambda: ServingRank(key, self._calls).answer, ranks_of(key))
        try:
            return self._up[key].ask(request)
        except BaseException:
            self._up.pop(key).close()
            raise

    def _make_room(self, key: ModelKey) -> None:
        while self._up and sum(map(_bytes_of, (key, *self._up))) > self._room:
            self._up.pop(next(iter(self._up))).close()


def ranks_of(key: ModelKey) -> int:
    """How many processes a stand takes: tensor parallelism has one a device, device maps have one for all."""
    return key.degree if key.engine.startswith("deepspeed") else 1


def forward_batch(workload: Generation) -> int:
    """How many prompts the forward is given at once."""
    return workload.prompts if workload.api == "generate" else workload.batch_size or 1


def _bytes_of(key: ModelKey) -> float:
    needed = 2.0 * weights_of(key.model) / key.degree * _BESIDE_WEIGHTS
    return min(needed, (key.device_memory_gib or needed) * _GIB)


class ServingRank:
    """One process of a crew: builds its stand at the first request, and answers."""

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
        """Answer one request, as JSON."""
        return answer(self.run, line).model_dump_json()

    def run(self, request: Request) -> Answer:
        """Run a request; that memory ends under a cap, or that an engine fails, is what was to be found out."""
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

        loaded = self._ready()
        for untimed in self._warm_ups(workload) if self._calls > 1 else ():
            self._called(loaded, untimed)
        runs: list[Run] = []
        for _ in range(self._calls):
            torch.manual_seed(seed)
            loaded.observer.reset()
            runs.append(self._called(loaded, workload))
        found = answer_of(loaded, workload, runs)
        metrics = {**found.metrics, **self._of_device(workload, min(run.seconds for run in runs))}
        return found.model_copy(update={"metrics": metrics, "witness": _with(found.witness, self._seen())})

    def _warm_ups(self, workload: Generation) -> Iterator[Generation]:
        """Yield what is called first and not timed, for what a first call compiles and takes memory for.

        A static cache is kept while batches stay of one size, and so is what was compiled for it: the longest
        request comes first, since a longer one than before would have both made anew.
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

    def _called(self, loaded: LoadedModel, workload: Generation) -> Run:
        """Make the call; of an engine with code of its own, whatever fails is the engine's."""
        try:
            return call(loaded, workload)
        except Exception as error:
            if not self._key.engine.startswith("deepspeed") or type(error).__name__ == "OutOfMemoryError":
                raise
            raise EngineFailure(signature(error)) from error

    def _ready(self) -> LoadedModel:
        import torch

        from llm_claims.workloads.llm.ceilings import copy_bandwidth_bytes_per_second

        if self._loaded is None:
            # Before anything else is on the device, and before its memory is capped.
            self._copy_bandwidth = copy_bandwidth_bytes_per_second(self._device)
            torch.cuda.empty_cache()
            self._cap()
            torch.cuda.reset_peak_memory_stats()
            self._loaded = load_model(self._key, str(self._device))
        return self._loaded

    def _cap(self) -> None:
        import torch

        if (gib := self._key.device_memory_gib) is not None:
            total = torch.cuda.get_device_properties(self._device).total_memory
            torch.cuda.set_per_process_memory_fraction(min(1.0, gib * _GIB / total), self._device)

    def _of_device(self, workload: Generation, seconds: float) -> dict[str, float]:
        """How near the request came to what the device's memory allows.

        Each new token has all weights read once, a batch of prompts together; a list without ``batch_size`` has
        them read for each prompt.
        """
        import torch

        times = (workload.new_tokens or 0) * (1 if workload.batch_size else workload.prompts)
        weights = 2.0 * weights_of(self._key.model) / self._key.degree
        return {
            "copy_bandwidth_bytes_per_second": self._copy_bandwidth,
            "bandwidth_bound_share": times * weights / self._copy_bandwidth / seconds,
            "peak_device_memory_bytes": float(torch.cuda.max_memory_allocated()),
        }

    def _seen(self) -> GenerationWitness:
        """What is known of a run however it ends."""
        import torch

        total = torch.cuda.get_device_properties(self._device).total_memory
        share = torch.cuda.get_per_process_memory_fraction(self._device)
        cap = round(share * total / _GIB, 3) if self._key.device_memory_gib is not None else None
        return GenerationWitness(device=self._device.type, device_memory_gib=cap)

    def _failing(self) -> GenerationWitness:
        """The same, and whose code it was that failed."""
        return self._seen().model_copy(update={"engine": self._key.engine})


def _with(witness: Witness | None, more: GenerationWitness) -> Witness:
    assert witness is not None
    return witness.model_copy(update={"device_memory_gib": more.device_memory_gib})
