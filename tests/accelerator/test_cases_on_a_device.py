"""The cases of tests/cases on a simulated device: what torch itself showed on the CPU is found there as well.

The labels were found with plain ``torch.compile`` on the CPU, with values.  What cannot be seen without values, or is
another thing on a device, stands below with the reason.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from steadygraph.case.case import load
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Severity

NUMBERS = "wrong numbers are all that shows"
DECIDES = "a value on the device decides how the code goes on"
HOST = "makes tensors on the CPU while it runs, which do not fit those on the device"
COPIES = "copies to the device from memory that is not pinned: the host waits"
SIZES = "sizes alone are a note where nothing is proved"
BACKWARD = "runs backward()"
FAKE = "no operator without a fake implementation runs without values"
KIND = "another kind of tensor on a simulated device"
OTHERWISE = {
    "branch_on_data_under_fullgraph": DECIDES,
    "cached_function_reads_global": NUMBERS,
    "code_of_method_replaced": NUMBERS,
    "compiled_branch_other_result": HOST,
    "compiled_helper_breaks": DECIDES,
    "compiled_helper_drops_guards": NUMBERS,
    "config_dataclass_int_on_module": HOST,
    "control_compiled_branches_agree": DECIDES,
    "control_dynamic_int_argument": HOST,
    "control_forward_context_copied_under_graph": COPIES,
    "control_gradients": BACKWARD,
    "control_graph_with_static_buffers": HOST,
    "control_process_settings_before_warm_up": HOST,
    "control_state_dict_loaded_between": HOST,
    "control_training_step": BACKWARD,
    "control_value_read_in_warm_up": HOST,
    "control_weights_replaced_without_graph": HOST,
    "control_weights_written_under_graph": HOST,
    "cross_attention_cache_not_reset": NUMBERS,
    "default_device_context": HOST,
    "default_dtype_changed": HOST,
    "dynamic_int_baked_by_replay": NUMBERS,
    "error_leaves_state": NUMBERS,
    "expanded_guidance": "a copy to the device is no longer expanded",
    "forward_context_tensor_under_graph": COPIES,
    "global_module_hook": NUMBERS,
    "hasattr_lora": HOST,
    "hook_added_after_warm_up": NUMBERS,
    "inference_mode_at_profile": KIND,
    "inference_tensor_input": KIND,
    "inputs_overlap_at_serving": NUMBERS,
    "int_in_metadata_object": HOST,
    "leak_and_dropped_branch": NUMBERS,
    "lengths_read_back": DECIDES,
    "masked_select_in_decode": SIZES,
    "mean_over_padding_against_reference": NUMBERS,
    "memo_with_wrong_key": HOST,
    "metadata_replaced_under_graph": COPIES,
    "module_level_memo": NUMBERS,
    "moe_expert_loop": DECIDES,
    "mutable_default_argument": NUMBERS,
    "nan_of_padding_in_shared_scale": NUMBERS,
    "numpy_then_tensor": HOST,
    "operator_without_fake": FAKE,
    "padded_rows_keep_old_request": NUMBERS,
    "parameter_as_input": KIND,
    "request_keys_on_module_dict": HOST,
    "rope_table_grows": HOST,
    "sequential_model": SIZES,
    "static_length": HOST,
    "tensor_subclass_input": KIND,
    "value_declared_constant": NUMBERS,
    "weights_moved_under_graph": HOST,
    "write_to_overlapping_view": NUMBERS,
    "zero_dim_index": DECIDES,
}


def names_a_device(file: Path) -> bool:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
    return "DEVICE" in {target.id for target in targets if isinstance(target, ast.Name)}


ALL = sorted((Path(__file__).parent.parent / "cases").glob("*.py"))
FILES = [file for file in ALL if not names_a_device(file) and file.stem not in OTHERWISE]


def expected(file: Path) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location(f"on_device_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EXPECTED


def loud(report: CaseReport) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {scenario.name: set() for scenario in report.scenarios}
    for finding in report.findings:
        if finding.severity is not Severity.NOTE:
            found[finding.scenario].add(finding.kind)
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_case_of_the_cpu_is_reported_on_a_device_as_well(file: Path) -> None:
    wanted = expected(file)

    found = loud(analyze_case(load(str(file)), Settings(device="cuda")))

    labels = {name: set(wanted["flags"].get(name, ())) for name in found}
    assert {name: labels[name] - kinds for name, kinds in found.items() if labels[name] - kinds} == {}
    also = set(wanted.get("also", ()))
    assert {name: kinds - also for name, kinds in found.items() if not labels[name] and kinds - also} == {}


def test_every_exception_is_a_case() -> None:
    assert OTHERWISE.keys() - {file.stem for file in ALL} == set()
