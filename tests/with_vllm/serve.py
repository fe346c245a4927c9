"""Serves a few requests with vLLM, text first, then images: what the plugin watches in the tests.

python serve.py MODEL [--broken] [vLLM's options as JSON]
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    model, *rest = sys.argv[1:]
    options = json.loads(rest[0]) if rest else {}
    from PIL import Image
    from vllm import LLM, SamplingParams

    llm = LLM(
        model,
        load_format="dummy",
        dtype="float32",
        max_model_len=512,
        max_num_batched_tokens=512,
        max_num_seqs=4,
        seed=0,
        limit_mm_per_prompt={"image": 1, "video": 0},
        enable_prefix_caching=False,
        **options,
    )
    sampling = SamplingParams(max_tokens=6, temperature=0.0, ignore_eos=True)
    image = Image.new("RGB", (64, 64), (200, 30, 90))
    pictured = {"prompt": "<|vision_start|><|image_pad|><|vision_end|>what?", "multi_modal_data": {"image": image}}
    for prompts in (["hello there"], ["a", "bb", "ccc"], [pictured], [pictured, "text"]):
        for output in llm.generate(prompts, sampling, use_tqdm=False):
            print("TOKENS", *output.outputs[0].token_ids, flush=True)


if __name__ == "__main__":
    main()
