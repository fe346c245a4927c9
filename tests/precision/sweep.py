"""All text models that transformers lists, built by rule: is what steadygraph says of them about what the user passes?

    python tests/precision/sweep.py [--calls ones,past] [--out FILE] [NAME ...]

Asks one class after the other, each in a process of its own that may take two minutes of processor time.  Prints a
line for each, and all that no finding may say (``complaints``); the exit code is 1 where there is any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import resource
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any

import torch
import transformers
from test_built_by_rule import BuiltByRule, complaints
from transformers.models.auto import modeling_auto

from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case

CPU_LIMIT_S = 120
LISTS = (
    modeling_auto.MODEL_MAPPING_NAMES,
    modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME")
    options.add_argument("--calls", type=lambda text: text.split(","), help="names of calls; default: all")
    options.add_argument("--out", help="a file for what was found, one line of JSON for each class")
    asked = options.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    totals: Counter[str] = Counter()
    for name in asked.names or dict.fromkeys(text_models()):
        found = in_a_process(name, asked.calls)
        totals.update(one.split(":")[0] for one in (found["status"],))
        totals.update(found["rules"])
        print(name, found["status"], " ".join(f"{rule}:{n}" for rule, n in sorted(found["rules"].items())), flush=True)
        for complaint in found["complaints"]:
            totals["complaints"] += 1
            print("   ", complaint, flush=True)
        if asked.out:
            with open(asked.out, "a", encoding="utf-8") as file:
                file.write(json.dumps({"name": name, **found}) + "\n")
    print(", ".join(f"{what} {n}" for what, n in sorted(totals.items())))
    return int(bool(totals["complaints"] or totals["failed"]))


def text_models() -> Iterator[str]:
    """Every class that takes the ids of tokens, and the installed libraries allow."""
    for listed in LISTS:
        for classes in listed.values():
            for name in [classes] if isinstance(classes, str) else classes:
                with contextlib.suppress(ImportError):  # of what the class needs
                    if getattr(getattr(transformers, name, None), "main_input_name", None) == "input_ids":
                        yield name


def in_a_process(name: str, calls: Sequence[str] | None) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_asked, args=(name, calls, theirs))
    process.start()
    theirs.close()
    try:
        return ours.recv()
    except EOFError:
        return {"status": "stopped: it took too long or crashed", "rules": {}, "complaints": []}
    finally:
        process.join()


def _asked(name: str, calls: Sequence[str] | None, answers: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
    answers.send(_found(name, calls))


def _found(name: str, calls: Sequence[str] | None) -> dict[str, Any]:
    built = BuiltByRule(name)
    try:
        built.build(built.config)
    except ValueError as error:
        return {"status": f"left out: {error}", "rules": {}, "complaints": []}
    try:
        report = analyze_case(built.case(calls), Settings(policies=None))
    except Exception:  # whatever it is, it is steadygraph's fault: plain PyTorch has run the profile call
        return {"status": f"failed: {traceback.format_exc()}", "rules": {}, "complaints": []}
    rules = Counter(one.rule for one in report.findings)
    return {"status": "analysed", "rules": dict(rules), "complaints": list(complaints(report))}


if __name__ == "__main__":
    sys.exit(main())
