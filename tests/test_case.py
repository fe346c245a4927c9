"""Cases: from files, modules, classes and Python, and what is said about those that are none."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.case.case import Case, load, opened, profile_call, serving_calls
from steadygraph.errors import CaseError, LeftOutError, TargetError

Write = Callable[..., Path]

PROFILE = "def profile(): return (1,), {'a': 2}\n"
SERVING = "def serving(): return {'other': ((3,), {})}\n"
BUILD = "def build(): return 'model'\n"
WHOLE = BUILD + PROFILE + SERVING
NAME = re.compile(r"[^\W\d]\w*")
KEYWORDS = ("def", "async", "if", "True")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Targets are written relative to the folder that the test fills."""
    monkeypatch.chdir(tmp_path)


def complaint(target: str, case_file: str | None = None, kind: type[Exception] = CaseError) -> str:
    with pytest.raises(kind) as caught:
        load(target, case_file=None if case_file is None else Path(case_file))
    return str(caught.value)


# --- where a case comes from ---------------------------------------------------------------------------


def test_a_file_is_a_case(write_case: Write) -> None:
    write_case(WHOLE + "COMPILE = {'dynamic': True}\nDEVICE = 'cuda:0'\nCUDA_GRAPH = True\nINDEPENDENT = True\n")

    case = load("case.py")

    assert (case.build(), case.profile(), case.serving()) == ("model", ((1,), {"a": 2}), {"other": ((3,), {})})
    assert (case.compile, case.device, case.cuda_graph, case.independent) == ({"dynamic": True}, "cuda:0", True, True)
    assert (case.before, case.context, case.mark, case.regions, case.observe) == (None,) * 5
    assert (case.target, case.source) == ("case.py", "case.py")


def test_optional_functions_of_a_file_are_taken(write_case: Write) -> None:
    names = {
        "before": "model, name",
        "context": "name",
        "mark": "args, kwargs",
        "regions": "model",
        "observe": "model, out",
    }
    write_case(WHOLE + "".join(f"def {name}({parameters}): return '{name}'\n" for name, parameters in names.items()))

    case = load("case.py")

    found = {name: getattr(case, name)(*parameters.split(", ")) for name, parameters in names.items()}
    assert found == {name: name for name in names}


def test_a_case_file_may_import_what_lies_beside_it(write_case: Write) -> None:
    write_case("from beside_model import build\n" + PROFILE + SERVING, "folder_case.py")
    write_case("def build(): return 'beside'\n", "beside_model.py")

    case = load("folder_case.py")

    assert case.build() == "beside"


def test_sys_path_is_restored_after_loading(write_case: Write) -> None:
    before = list(sys.path)
    write_case("import sys; sys.path.insert(0, '/nowhere')\n" + WHOLE)

    load("case.py")

    assert sys.path == before


def test_functions_of_an_opened_case_may_import_what_lies_beside_it(write_case: Write) -> None:
    write_case("def build():\n  import late_model\n  return late_model.NAME\n" + PROFILE + SERVING)
    write_case("NAME = 'late'", "late_model.py")

    with opened("case.py") as case:
        model = case.build()

    assert model == "late"


def test_a_case_called_like_a_library_module_does_not_replace_it(write_case: Write) -> None:
    import queue

    write_case("import queue\ndef build(): return queue.__file__\n" + PROFILE + SERVING, "queue.py")

    built = load("queue.py").build()

    assert built == queue.__file__


def test_objects_of_a_case_file_can_be_pickled(write_case: Write) -> None:
    write_case(
        "from dataclasses import dataclass\n@dataclass\nclass Point: x: int = 1\ndef build(): return Point()\n"
        + PROFILE
        + SERVING
    )
    point = load("case.py").build()

    copied = pickle.loads(pickle.dumps(point))

    assert copied == point


def test_an_edited_file_is_read_again(write_case: Write) -> None:
    write_case(WHOLE)
    load("case.py")
    write_case(WHOLE.replace("'model'", "'nodel'"))

    built = load("case.py").build()

    assert built == "nodel"


def test_two_files_of_the_same_name_are_two_modules(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "twin.py").write_text(f"def build(): return '{folder}'\n{PROFILE}{SERVING}")

    names = {load(f"{folder}/twin.py").profile.__module__ for folder in ("one", "two")}

    assert names == {"steadygraph_case_twin", "steadygraph_case_twin_2"}


def test_a_module_is_a_case(write_case: Write) -> None:
    write_case(WHOLE, "module_case.py")

    case = load("module_case")

    assert (case.build(), case.target, case.source) == ("model", "module_case", "module_case")


def test_a_file_in_a_package_may_import_relatively(tmp_path: Path) -> None:
    package = tmp_path / "relative_package" / "inner"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "model.py").write_text(BUILD)
    (package / "case.py").write_text("from .model import build\n" + PROFILE + SERVING)

    case = load("relative_package/inner/case.py")

    assert (case.build(), case.profile.__module__) == ("model", "relative_package.inner.case")


def test_a_class_without_build_is_constructed_without_arguments(write_case: Write) -> None:
    write_case("class Model: width = 3\n" + PROFILE + SERVING)

    built = load("case.py:Model").build()

    assert (type(built).__name__, built.width) == ("Model", 3)


def test_a_nested_class_can_be_named(write_case: Write) -> None:
    write_case("class Outer:\n  class Inner: pass\n" + PROFILE + SERVING)

    built = load("case.py:Outer.Inner").build()

    assert type(built).__qualname__ == "Outer.Inner"


def test_build_gets_the_class_that_the_target_names(write_case: Write) -> None:
    write_case("class Model:\n  def __init__(self, width): self.width = width\n", "sized.py")
    write_case("def build(cls): return cls(7)\n" + PROFILE + SERVING)

    case = load("sized.py:Model", case_file=Path("case.py"))

    assert (case.build().width, case.target, case.source) == (7, "sized.py:Model", "case.py")


def test_the_calls_get_the_class_too_where_they_take_one(write_case: Write) -> None:
    write_case("class Wide: size = 8\nclass Narrow: size = 2\n", "models.py")
    write_case(
        "def build(cls): return cls()\ndef profile(cls): return (cls.size,), {}\n"
        "def serving(cls): return {'twice': ((2 * cls.size,), {})}\n",
        "both.py",
    )

    calls = [load(f"models.py:{name}", case_file=Path("both.py")) for name in ("Wide", "Narrow")]

    assert [profile_call(case).args for case in calls] == [(8,), (2,)]
    assert [serving_calls(case)["twice"].args for case in calls] == [(16,), (4,)]


def test_a_case_that_skips_says_why_and_nothing_else(write_case: Write) -> None:
    write_case("import unittest\nraise unittest.SkipTest('it needs a camera')\n" + WHOLE)

    assert complaint("case.py", kind=LeftOutError) == "it needs a camera"


def test_a_class_is_the_same_for_its_case_file(write_case: Write) -> None:
    write_case("class Model: pass\nclass Payload: pass\n", "shared_model.py")
    write_case("from shared_model import Model\ndef build(cls): return cls is Model\n" + PROFILE + SERVING)

    same = load("shared_model.py:Model", case_file=Path("case.py")).build()

    assert same is True


def test_no_torch_is_imported_for_a_case_that_needs_none(write_case: Write) -> None:
    write_case(WHOLE)
    code = "import sys; from steadygraph.case.case import load; load('case.py'); sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0


# --- targets that name nothing -----------------------------------------------------------------------------


def test_a_file_that_is_not_there_has_near_misses(write_case: Write) -> None:
    write_case(WHOLE, "deepstack.py")

    said = complaint("depstack.py")

    assert said == "depstack.py: no such file\n  hint: did you mean deepstack.py?"


def test_a_file_that_is_like_no_other_tells_what_a_target_is() -> None:
    said = complaint("deepstack.py")

    assert said == (
        "deepstack.py: no such file\n  hint: a target is case.py, package.module:Class or path/file.py:Class"
    )


def test_a_file_in_a_directory_that_is_not_there_names_the_directory() -> None:
    said = complaint("cases/deepstack.py")

    assert said == "cases/deepstack.py: no such file\n  hint: there is no directory cases"


def test_a_directory_is_no_case(write_case: Write, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    for name in ("cases/b.py", "cases/a.py", "cases/d.py", "cases/c.py", "cases/notes.txt"):
        write_case("", name)

    said = complaint("cases")

    assert said == (
        "cases is a directory without any case_*.py\n  hint: name case files: cases/a.py, cases/b.py, cases/c.py, ..."
    )


def test_a_directory_of_cases_is_no_case_either(write_case: Write, tmp_path: Path) -> None:
    (tmp_path / "cases").mkdir()
    for name in ("cases/a.py", "cases/case_b.py"):
        write_case("", name)

    assert complaint("cases/") == "cases/ is a directory\n  hint: name case files: cases/case_b.py"


def test_an_empty_directory_is_no_case() -> None:
    said = complaint(".")

    assert said == (
        ". is a directory without any case_*.py\n  hint: name a case file; there is no Python file in this directory"
    )


def test_a_text_file_is_not_python(write_case: Write) -> None:
    write_case("{}", "case.json")

    said = complaint("case.json")

    assert said == "case.json is not a Python file\n  hint: the name of a case file ends in .py"


def test_bytes_that_are_no_text_are_not_python(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_bytes(b"\x00\x01\x02")

    said = complaint("case.py")

    assert said == (
        "case.py is not Python: source code string cannot contain null bytes\n  hint: name a text file with Python code"
    )


def test_a_syntax_error_names_file_and_line(write_case: Write) -> None:
    write_case("import os\n\ndef build(:\n    pass\n")

    said = complaint("case.py")

    assert said == "case.py:3: syntax error: invalid syntax\n  hint: look at: def build(:"


def test_a_syntax_error_of_a_module_names_file_and_line(write_case: Write) -> None:
    write_case("def build(:\n    pass\n", "broken_module.py")

    said = complaint("broken_module")

    assert said == "broken_module.py:1: syntax error: invalid syntax\n  hint: look at: def build(:"


def test_a_module_that_is_not_there_is_named() -> None:
    said = complaint("no_such_package.module:Model")

    assert said == (
        "there is no module no_such_package\n"
        "  hint: install it into the environment of steadygraph, or add its directory to PYTHONPATH"
    )


@pytest.mark.parametrize("target", ["", ":", "a b", "pack-age.module"])
def test_a_text_without_the_form_of_a_target_says_the_forms(target: str) -> None:
    said = complaint(target)

    assert said == f"{target!r} is no target\n  hint: a target is case.py, package.module:Class or path/file.py:Class"


def test_a_class_name_that_is_none_is_told(write_case: Write) -> None:
    write_case(WHOLE)

    said = complaint("case.py:9Model")

    assert said == (
        "'9Model' is no name of a class\n  hint: a target is case.py, package.module:Class or path/file.py:Class"
    )


def test_a_class_that_is_not_there_has_near_misses(write_case: Write) -> None:
    write_case("class Decoder: pass\nclass Encoder: pass\n" + WHOLE)

    said = complaint("case.py:Decodr")

    assert said == "case.py has no class Decodr\n  hint: did you mean Decoder?"


def test_a_class_that_is_like_no_other_lists_what_there_is(write_case: Write) -> None:
    write_case("from pathlib import Path\nclass Decoder: pass\n" + WHOLE)

    said = complaint("case.py:Xyz")

    assert said == "case.py has no class Xyz\n  hint: its classes are Decoder"


def test_a_function_is_no_class(write_case: Write) -> None:
    write_case(WHOLE)

    said = complaint("case.py:build")

    assert said == (
        "build of case.py is a function, not a class\n  hint: name a class that derives from torch.nn.Module"
    )


def test_a_case_file_without_a_class_to_build_is_refused(write_case: Write) -> None:
    write_case(WHOLE)

    said = complaint("case.py", "case.py")

    assert said == "case.py names no class that case.py could build\n  hint: write case.py:Class"


def test_a_case_file_that_is_not_there_is_told(write_case: Write) -> None:
    write_case("class Model: pass\n", "model.py")

    said = complaint("model.py:Model", "cases.py")

    assert said == "cases.py: no such file\n  hint: a target is case.py, package.module:Class or path/file.py:Class"


# --- definitions that are missing or not what they should be ---------------------------------------------


def test_a_case_without_profile_says_what_to_add(write_case: Write) -> None:
    write_case(BUILD + SERVING)

    said = complaint("case.py")

    assert said == (
        "case.py defines no profile()\n  hint: add a function profile() that returns (args, kwargs) of the warm-up call"
    )


def test_a_class_whose_module_is_no_case_mentions_the_case_option(write_case: Write) -> None:
    write_case("class Model: pass\n", "model.py")

    said = complaint("model.py:Model")

    assert said == (
        "model.py defines no profile()\n"
        "  hint: add a function profile() that returns (args, kwargs) of the warm-up call, "
        "or name the case file with --case"
    )


def test_a_case_without_serving_says_what_to_add(write_case: Write) -> None:
    write_case(BUILD + PROFILE)

    said = complaint("case.py")

    assert said == (
        "case.py defines no serving()\n"
        "  hint: add a function serving() that returns {name: (args, kwargs)} of the serving calls"
    )


def test_a_case_without_build_and_class_says_what_to_add(write_case: Write) -> None:
    write_case(PROFILE + SERVING)

    said = complaint("case.py")

    assert said == "case.py defines no build()\n  hint: add a function build() that returns the model"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            BUILD + "\ndef profil(): return (1,), {}\n" + SERVING,
            "case.py defines no profile(), but profil() in line 3\n"
            "  hint: rename it to profile(), if it returns (args, kwargs) of the warm-up call",
        ),
        (
            BUILD + PROFILE + "servng = lambda: {'other': ((3,), {})}\n",
            "case.py defines no serving(), but servng() in line 3\n"
            "  hint: rename it to serving(), if it returns {name: (args, kwargs)} of the serving calls",
        ),
        (
            "def build_model(): return 'model'\n" + PROFILE + SERVING,
            "case.py defines no build(), but build_model() in line 1\n"
            "  hint: rename it to build(), if it returns the model",
        ),
        (
            BUILD + SERVING + "if __name__ == '__main__':\n  def profile(): return (1,), {}\n  print(profile())\n",
            'case.py defines profile() under `if __name__ == "__main__"` only\n'
            "  hint: move it out of there: a case is imported",
        ),
    ],
    ids=["profil", "servng", "build_model", "main"],
)
def test_a_required_function_under_another_name_is_named(write_case: Write, text: str, said: str) -> None:
    write_case(text)

    assert complaint("case.py") == said


@pytest.mark.parametrize(
    "defined",
    [
        "def profil(call): return call\n",  # cannot be called as profile()
        "def profil(): return (1,), {}\nCALLS = [profil]\n",
        "def _profil(): return (1,), {}\n",
        "class Profil: pass\n",
        "from os import getpid as profil\n",
        "for profil in ((1,), {}): pass\n",
    ],
    ids=["takes something", "used", "private", "a class", "imported", "no function"],
)
def test_what_cannot_be_meant_is_not_proposed_for_a_required_function(write_case: Write, defined: str) -> None:
    write_case(defined + BUILD + SERVING)

    assert complaint("case.py").splitlines()[0] == "case.py defines no profile()"


@pytest.mark.parametrize(
    ("defined", "meant"),
    [
        ("CUDAGRAPH = True", "CUDA_GRAPH"),
        ("Cuda_Graph: bool = True", "CUDA_GRAPH"),
        ("INDEPENDANT = True", "INDEPENDENT"),
        ("ALLOWED = {'*': {'SG101': 'x'}}", "ALLOW"),
        ("compile = {'dynamic': True}", "COMPILE"),
        ("device = 'cuda'", "DEVICE"),
        ("def contxt(name): yield", "context"),
        ("def regionz(model): return [model]", "regions"),
        ("def befroe(model, name): pass", "before"),
        ("async def makr(args, kwargs): pass", "mark"),
        ("observed = lambda model, out: out", "observe"),
        ("if True:\n    def referenc(model, args, kwargs): pass", "reference"),
    ],
)
def test_an_unused_name_that_looks_like_an_optional_one_is_told(write_case: Write, defined: str, meant: str) -> None:
    write_case(WHOLE + defined + "\n")
    name, line = next((word, "5" if "\n" in defined else "4") for word in NAME.findall(defined) if word not in KEYWORDS)

    assert load("case.py").remarks == (f"case.py:{line} defines {name}, which nothing uses: did you mean {meant}?",)


@pytest.mark.parametrize(
    "defined",
    [
        "CUDAGRAPH = True\nprint(CUDAGRAPH)",
        "device = 'cuda'\ndef made(): return device",
        "DEVICES = 4",  # no name of a device
        "MARKS = {'a': 1}",  # no function
        "def marks(tensor): pass",  # cannot be called as mark(args, kwargs)
        "def contxt(name): pass\n__all__ = ['contxt']",
        "_CUDA_GRAPH = True",
        "class Observer: pass",
        "from json import detect_encoding as contxt",
        "CUDA_GRAPH = True\nCUDAGRAPH = True",
        "def helper():\n    CUDAGRAPH = True",
        "names = [ALLOW for ALLOW in ({},)]",
        "def mask(args, kwargs): pass",
        "def made(name): pass",
    ],
)
def test_a_name_of_the_users_own_is_not_told(write_case: Write, defined: str) -> None:
    write_case(WHOLE + defined + "\n")

    assert load("case.py").remarks == ()


def test_names_that_were_meant_are_told_in_the_order_of_the_file(write_case: Write) -> None:
    write_case("ALLOWED = {}\n" + WHOLE + "def contxt(name): pass\nAllow = {}\n")

    assert load("case.py").remarks == (
        "case.py:1 defines ALLOWED, which nothing uses: did you mean ALLOW?",
        "case.py:5 defines contxt, which nothing uses: did you mean context?",
        "case.py:6 defines Allow, which nothing uses: did you mean ALLOW?",
    )


def test_a_class_that_needs_constructor_arguments_names_them(write_case: Write) -> None:
    write_case("class Model:\n  def __init__(self, width, *, depth, bias=True): pass\n" + PROFILE + SERVING)

    said = complaint("case.py:Model")

    assert said == (
        "Model needs constructor arguments: width, depth\n"
        "  hint: add a function build(cls) to case.py that returns cls(...)"
    )


def test_build_with_a_class_wants_a_class(write_case: Write) -> None:
    write_case("def build(cls): return cls()\n" + PROFILE + SERVING)

    said = complaint("case.py")

    assert said == "build(cls) of case.py takes a class, and the target names none\n  hint: write case.py:Class"


def test_build_with_more_parameters_is_refused(write_case: Write) -> None:
    write_case("def build(cls, width): return cls()\n" + PROFILE + SERVING)

    said = complaint("case.py")

    assert said == ("build(cls, width) of case.py takes too much\n  hint: define it as def build() or def build(cls)")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            BUILD + "profile = ((1,), {})\n" + SERVING,
            "profile of case.py is (tuple, dict), not a function\n  hint: define a function profile()",
        ),
        (
            BUILD + PROFILE + "serving = {}\n",
            "serving of case.py is a dict, not a function\n  hint: define a function serving()",
        ),
        (
            "build = None\n" + PROFILE + SERVING,
            "case.py defines no build()\n  hint: add a function build() that returns the model",
        ),
        (
            WHOLE + "context = True\n",
            "context of case.py is a bool, not a function\n  hint: define a function context(name)",
        ),
        (
            WHOLE + "def before(model): pass\n",
            "before of case.py cannot be called as before(model, name): too many positional arguments\n"
            "  hint: define it as def before(model, name)",
        ),
        (
            BUILD + "def profile(x): pass\n" + SERVING,
            "profile of case.py cannot be called as profile(): missing a required argument: 'x'\n"
            "  hint: define it as def profile()",
        ),
        (
            WHOLE + "COMPILE = True\n",
            "COMPILE of case.py is a bool, not a dict\n"
            "  hint: write a dict of torch.compile keywords, such as {'dynamic': True}",
        ),
        (
            WHOLE + "COMPILE = {'dynamc': True}\n",
            "COMPILE of case.py has an unknown keyword 'dynamc'\n  hint: did you mean dynamic?",
        ),
        (
            WHOLE + "COMPILE = {'backend': 'eager'}\n",
            "COMPILE of case.py names a backend, which the analysis chooses\n"
            "  hint: take it out and choose with --backend",
        ),
        (
            WHOLE + "DEVICE = 0\n",
            "DEVICE of case.py is 0, not the name of a device\n  hint: devices are cuda, cuda:N for several, and cpu",
        ),
        (
            WHOLE + "GPU = 'a10'\n",
            "GPU of case.py is 'a10', and no GPU of that name can be simulated\n  hint: did you mean a100 or a10g?",
        ),
        (
            WHOLE + "GPU = ['a100']\n",
            "GPU of case.py is ['a100'], and no GPU of that name can be simulated\n  hint: did you mean a100?",
        ),
        (WHOLE + "CUDA_GRAPH = 1\n", "CUDA_GRAPH of case.py is 1, not a bool\n  hint: write True or False"),
        (WHOLE + "INDEPENDENT = 'no'\n", "INDEPENDENT of case.py is 'no', not a bool\n  hint: write True or False"),
    ],
)
def test_a_definition_of_the_wrong_kind_is_told(write_case: Write, text: str, said: str) -> None:
    write_case(text)

    assert complaint("case.py") == said


def test_a_case_from_python_is_checked_like_a_file() -> None:
    with pytest.raises(CaseError) as caught:
        Case(build=str, profile=((), {}), serving=dict)  # type: ignore[arg-type]

    assert str(caught.value) == "profile is (tuple, dict), not a function\n  hint: define a function profile()"


# --- code that raises while it is imported -------------------------------------------------------------------


def test_an_import_that_fails_is_the_targets_fault(write_case: Write) -> None:
    write_case("import os\nimport no_such_module\n" + WHOLE)

    said = complaint("case.py", kind=TargetError)

    assert said == (
        "importing case.py raised ModuleNotFoundError: No module named 'no_such_module' (case.py:2)\n"
        "  hint: install it into the environment of steadygraph, or add its directory to PYTHONPATH"
    )


def test_an_exception_in_an_imported_file_names_its_line(write_case: Write) -> None:
    write_case("import raising_model\n" + WHOLE)
    write_case("\ndef check(): raise ValueError('no width')\n\ncheck()\n", "raising_model.py")

    said = complaint("case.py", kind=TargetError)

    assert said == (
        "importing case.py raised ValueError: no width (raising_model.py:2)\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    )


def test_a_syntax_error_in_an_imported_file_is_the_targets_fault(write_case: Write) -> None:
    write_case("import unfinished_model\n" + WHOLE)
    write_case("def check(:\n", "unfinished_model.py")

    said = complaint("case.py", kind=TargetError)

    assert said == (
        "importing case.py raised SyntaxError: invalid syntax (unfinished_model.py, line 1) (unfinished_model.py:1)\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    )


def test_a_file_that_exits_is_told(write_case: Write) -> None:
    write_case("import sys\nsys.exit(3)\n" + WHOLE)

    said = complaint("case.py", kind=TargetError)

    assert said == "importing case.py called sys.exit(3) (case.py:2)\n  hint: a target must not end the process"


def test_a_file_that_could_not_be_imported_leaves_no_module(write_case: Write) -> None:
    write_case("1 / 0\n", "leftover.py")

    complaint("leftover.py", kind=TargetError)

    assert "steadygraph_case_leftover" not in sys.modules


def test_an_interrupt_passes_through(write_case: Write) -> None:
    write_case("raise KeyboardInterrupt\n" + WHOLE)

    with pytest.raises(KeyboardInterrupt):
        load("case.py")


def test_the_whole_traceback_is_shown_on_request(
    write_case: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STEADYGRAPH_TRACEBACK", "1")
    write_case("1 / 0\n")

    complaint("case.py", kind=TargetError)

    assert capsys.readouterr().err.endswith("ZeroDivisionError: division by zero\n")
