"""A server of the stand-in, in processes of its own: python vllm_server.py fork|spawn RANKS [mended] [cached]."""

import multiprocessing
import sys

import torch
from vllm.plugins import load_general_plugins


def worker(rank: int, ranks: int, flags: list[str]) -> None:
    load_general_plugins()
    from served_model import Qwen
    from vllm.config import VllmConfig
    from vllm.config.compilation import CompilationConfig
    from vllm.config.parallel import ParallelConfig
    from vllm.v1.worker.gpu_model_runner import GPUModelRunner

    parallel, compilation = ParallelConfig(rank, ranks), CompilationConfig(is_cached="cached" in flags)
    runner = GPUModelRunner(VllmConfig(parallel, compilation))
    runner.load_model(lambda config: Qwen(config, mended="mended" in flags))
    runner._dummy_run(8)
    for tokens in (5, 1, 1):
        runner.execute_model(torch.ones(tokens, 4))
    # Only one rank gets the image that the others miss, if it is asked for.
    if "uneven" not in flags or rank == 0:
        runner.execute_model(torch.ones(3, 4), torch.ones(3, 4))


def main() -> None:
    method, ranks, *flags = sys.argv[1:]
    load_general_plugins()
    processes = multiprocessing.get_context(method)
    workers = [processes.Process(target=worker, args=(rank, int(ranks), flags)) for rank in range(int(ranks))]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    sys.exit(max(abs(one.exitcode or 0) for one in workers))


if __name__ == "__main__":
    main()
