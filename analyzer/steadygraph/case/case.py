"""A case: a model, its warm-up call and its serving calls, from a file, a module, a class or Python.

Nothing here imports torch before a model is built; importing the user's file may, of course.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from steadygraph.case import checks as checks
from steadygraph.case import importing
from steadygraph.case.building import builder, told
from steadygraph.case.names import CONSTANTS, OPTIONAL, REQUIRED
from steadygraph.case.spelling import Spelling
from steadygraph.case.target import Target, parse, python_file
from steadygraph.case.user_code import guarded
from steadygraph.errors import CaseError

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of one forward.

    Args:
        args: By position.
        kwargs: By name.
    """

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model and the calls to compare; contract and defaults are those of a case file.

    Args:
        build: Makes the model, an ``nn.Module``.
        profile: ``(args, kwargs)`` of the warm-up call.
        serving: ``{name: (args, kwargs)}``, executed in this order after the warm-up call.
        before: ``before(model, name)``, right before each call.
        context: ``context(name)``, a context manager around each call.
        mark: ``mark(args, kwargs)``, marks dynamic dimensions of the warm-up inputs.
        regions: ``regions(model)``, the modules that the framework compiles; default ``[model]``.
        observe: ``observe(model, out)``, what a consumer finally sees; default: the output.
        reference: ``reference(model, args, kwargs)``, what the call must return, by a slow and plain way; default: what
            eager mode gives.
        compile: Further keywords of ``torch.compile``.
        device: Where there is no such device, a simulated one is used.
        gpu: Which GPU that is, one of ``steadygraph.model.gpus.GPUS``: ``h100``, ``b200``, ``mi355x``.
        cuda_graph: The deployment captures the warm-up call and replays it.
        independent: Every call is a request of its own: no result may depend on earlier calls.
        backward: What is observed is a loss: its gradients are results too.
        probes: Calls derived from the warm-up call that the deployment does make: ``{path: [kinds of change]}``.
        allow: Findings that are accepted: ``{scenario or "*": {code or name of a rule: reason}}``.
        target: How reports call the case.
        source: Where the functions stand, for messages; "" where they come from Python.
        remarks: What the notes of its report say of the file it comes from.

    Raises:
        CaseError: Something is not what it should be.
    """

    build: Callable[[], Any]
    profile: Callable[[], Any]
    serving: Callable[[], Any]
    before: Callable[[Any, str], Any] | None = None
    context: Callable[[str], AbstractContextManager[Any]] | None = None
    mark: Callable[[tuple[Any, ...], dict[str, Any]], Any] | None = None
    regions: Callable[[Any], Any] | None = None
    observe: Callable[[Any, Any], Any] | None = None
    reference: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any] | None = None
    compile: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    gpu: str | None = None
    cuda_graph: bool = False
    independent: bool = False
    backward: bool = False
    probes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    allow: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    target: str = "case"
    source: str = ""
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f" of {self.source}" if self.source else ""
        for name in REQUIRED:
            checks.require_function(getattr(self, name), name, (), where)
        for name, parameters in OPTIONAL.items():
            if getattr(self, name) is not None:
                checks.require_function(getattr(self, name), name, parameters, where)
        checks.require_compile_keywords(self.compile, where)
        checks.require_device(self.device, where)
        checks.require_gpu(self.gpu, where)
        checks.require_flag(self.cuda_graph, "CUDA_GRAPH", where)
        checks.require_flag(self.independent, "INDEPENDENT", where)
        checks.require_flag(self.backward, "BACKWARD", where)
        checks.require_probes(self.probes, where)
        checks.require_allowances(self.allow, where)
        for name in ("device", "gpu"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, checks.exact(getattr(self, name)))
        object.__setattr__(self, "allow", checks.exact_allowances(self.allow))

    def named(self, call: str) -> str:
        """How messages name one of its functions: ``profile() of case.py``."""
        return f"{call} of {self.source}" if self.source else call


def load(target: str, *, case_file: Path | None = None) -> Case:
    """The case that a target names.

    Args:
        target: ``case.py``, ``package.module``, ``package.module:Class`` or ``path/file.py:Class``.
        case_file: The file with the case of a class; without it the class' own module is the case file.

    Raises:
        CaseError: It cannot be found, or it is not a case.
        TargetError: Its code raised while it was imported.
    """
    with opened(target, case_file=case_file) as case:
        return case


@contextmanager
def opened(target: str, *, case_file: Path | None = None, serves: bool = True) -> Iterator[Case]:
    """Like ``load``; the case's directory stays on ``sys.path`` meanwhile, as its functions may import, too.

    Without ``serves`` the case need have no ``serving()``: there are no scenarios then.
    """
    named = parse(target)
    file = None if case_file is None else python_file(str(case_file))
    if file is not None and named.class_name is None:
        raise CaseError(f"{target} names no class that {case_file} could build", hint=f"write {target}:Class")
    folders = [str(importing.root(path)) for path in (file, named.file) if path is not None]
    if named.module is not None:
        folders.append(str(Path.cwd()))
    with importing.search_path(folders):
        yield _read(named, file, str(case_file), serves=serves)


def build_model(case: Case) -> nn.Module:
    """A new model.

    Raises:
        CaseError: It is no ``nn.Module``, or it is already wrapped by torch.compile.
        TargetError: The user's code raised.
    """
    from torch import nn

    label = case.named("build()")
    with guarded(label):
        model = case.build()
    if issubclass(type(model), type):
        hint = f"return an instance: {model.__name__}(...)"
        raise CaseError(f"{label} returned the class {model.__name__}, not a model", hint=hint)
    if not issubclass(type(model), nn.Module):
        hint = "return the model itself"
        raise CaseError(f"{label} returned {checks.described(model)}, not a torch.nn.Module", hint=hint)
    with guarded(f"reading the model that {label} returned"):
        for members in (model.named_modules, model.named_parameters, model.named_buffers):
            list(members())
    checks.refuse_compiled(model, f"the model that {label} returned")
    return cast("nn.Module", model)


def profile_call(case: Case) -> Call:
    """The warm-up call, with new arguments."""
    label = case.named("profile()")
    with guarded(label):
        value = case.profile()
    return Call(*checks.arguments(value, f"{label} returned"))


def serving_calls(case: Case) -> dict[str, Call]:
    """The serving calls in the order in which they run, with new arguments."""
    label = case.named("serving()")
    with guarded(label):
        calls = case.serving()
    if not isinstance(calls, dict):
        raise CaseError(f"{label} returned {checks.described(calls)}, not a dict", hint="return {name: (args, kwargs)}")
    if not calls:
        raise CaseError(f"{label} returned no scenario", hint="return at least one: {name: (args, kwargs)}")
    for name in calls:
        checks.require_scenario_name(name, label)
    return {
        checks.exact(name): Call(*checks.arguments(value, f"{label} returned for scenario {name!r}"))
        for name, value in calls.items()
    }


def check_signature(model: nn.Module, call: Call, name: str) -> None:
    """Do these arguments fit the model's forward?

    Raises:
        CaseError: They do not; the sentence says why.
    """
    if model._forward_pre_hooks:
        return  # a hook may rewrite the arguments
    signature = checks.signature_of(model.forward)
    if signature is None:
        return
    # A decorator may use up what the function behind it has no parameter for.
    used_up = checks.named_by_decorators(model.forward) - signature.parameters.keys()
    try:
        signature.bind(*call.args, **{name: value for name, value in call.kwargs.items() if name not in used_up})
    except TypeError as error:
        problem = f"the arguments of {name} do not fit {type(model).__name__}.forward: {error}"
        plain = [parameter.replace(annotation=parameter.empty) for parameter in signature.parameters.values()]
        hint = f"it is defined as forward{signature.replace(parameters=plain, return_annotation=signature.empty)}"
        raise CaseError(problem, hint=hint) from error


def region_modules(case: Case, model: nn.Module) -> list[tuple[str, nn.Module]]:
    """The modules that the framework compiles, with their names in the model ("" is the model), each once."""
    if case.regions is None:
        return [("", model)]
    label = case.named("regions()")
    with guarded(label):
        modules = checks.module_list(case.regions(model), label)
    names = {id(module): name for name, module in model.named_modules()}
    found: dict[str, nn.Module] = {}
    for module in modules:
        if id(module) not in names:
            problem = f"{label} returned {checks.described(module)} that is not part of the model"
            raise CaseError(problem, hint="return modules of the model that it was called with")
        name = names[id(module)]
        checks.refuse_compiled(module, f"the region {name or type(model).__name__}")
        found[name] = module
    return list(found.items())


def _read(target: Target, case_file: Path | None, shown: str, *, serves: bool) -> Case:
    module = _module(target, own_name=case_file is not None)
    cls = None if target.class_name is None else _class(module, target)
    definitions, source = (module, target.place) if case_file is None else (importing.import_file(case_file), shown)
    # A module of such a name was imported for something else.
    found = {name: value for name, value in vars(definitions).items() if type(value) is not ModuleType}
    spelling = Spelling(definitions, found, source)
    elsewhere = "" if cls is None or case_file is not None else ", or name the case file with --case"
    for name in ("profile", "serving") if serves else ("profile",):
        if name not in found:
            raise spelling.missing(name, elsewhere)
    if found.get("build") is None and cls is None:
        raise spelling.missing("build")
    optional: dict[str, Any] = {name: found.get(name) for name in OPTIONAL}
    constants: dict[str, Any] = {name.lower(): found[name] for name in CONSTANTS if name in found}
    return Case(
        build=builder(found.get("build"), cls, target.text, source),
        profile=told(found["profile"], cls),
        serving=told(found.get("serving", _nothing), cls),
        **optional,
        **constants,
        target=target.text,
        source=source,
        remarks=tuple(spelling.remarks()),
    )


def _nothing() -> dict[str, Any]:
    """No scenarios: somebody else derives them."""
    return {}


def _module(target: Target, *, own_name: bool) -> ModuleType:
    if target.file is not None:
        return importing.import_file(target.file, own_name=own_name)
    return importing.import_module(target.place)


def _class(module: ModuleType, target: Target) -> type:
    value = importing.attribute(module, target.class_name or "", target.place)
    if not isinstance(value, type):
        problem = f"{target.class_name} of {target.place} is {checks.described(value)}, not a class"
        raise CaseError(problem, hint="name a class that derives from torch.nn.Module")
    return value
