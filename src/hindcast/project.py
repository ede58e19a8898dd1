"""A project: the definitions of one folder, loaded and checked before anything runs."""

import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

from hindcast.datatypes import STRING
from hindcast.definitions import (
    FeatureSelection,
    FeatureService,
    FeatureView,
    Model,
    RequestSource,
    Retention,
    Source,
    retention,
)
from hindcast.errors import DefinitionError, InputError

if TYPE_CHECKING:
    from hindcast.compiler.features import CompiledView
    from hindcast.compiler.labelled import Labelled
    from hindcast.compiler.service import CompiledService

# The file of a project's folder that declares it.
DEFINITIONS = "definitions.py"

Named = TypeVar("Named", Source, FeatureView, FeatureService, RequestSource, Model)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Project:
    """Everything a definitions.py declares, by name."""

    folder: Path
    sources: dict[str, Source]
    declared: dict[str, FeatureView]
    models: dict[str, Model]
    services: dict[str, FeatureService] = field(default_factory=dict)
    retention: Retention = field(default_factory=Retention)

    @cached_property
    def views(self) -> "dict[str, CompiledView]":
        """The declared feature views, compiled; raises DefinitionError where one cannot be."""
        from hindcast.compiler.features import compile_view

        return {name: compile_view(view) for name, view in self.declared.items()}

    def service(self, name: str | None = None) -> "CompiledService":
        """The compiled feature service of that name, or the only one."""
        return self.compiled(_pick(self.services, name, "feature service"))

    def service_of(self, model: Model) -> "CompiledService":
        """What a model reads, compiled; raises DefinitionError where it cannot be."""
        return self.compiled(model.service)

    def compiled(self, service: FeatureService) -> "CompiledService":
        """A service over the project's views, compiled."""
        from hindcast.compiler.service import compile_service

        return compile_service(service, lambda view: self.views[view.name])

    def labelled(self, model: Model) -> "Labelled":
        """What a model learns from; raises DefinitionError where its sources do not fit."""
        from hindcast.compiler.labelled import labelled

        return labelled(model, self.service_of(model), self.sources)

    @property
    def asked(self) -> list[str]:
        """The names by which features are asked for: services, or where none is declared views."""
        return list(self.services or self.declared)

    def question(self, name: str) -> "CompiledService":
        """What is asked for by one of the names in asked."""
        from hindcast.compiler.service import of_view

        return self.service(name) if self.services else of_view(self.view(name))

    def source(self, name: str | None = None) -> Source:
        """The source of that name, or the only one."""
        return _pick(self.sources, name, "source")

    def source_of(self, file: str) -> Source:
        """The only source, or the one that a file is named after: loans.csv is of loans."""
        named = Path(file).name.partition(".")[0]
        if len(self.sources) > 1 and named not in self.sources:
            raise InputError(
                f"{file}: no source is called '{named}'; name the one that the file is of: "
                f"{', '.join(sorted(self.sources))}"
            )
        return self.source(named if len(self.sources) > 1 else None)

    def view(self, name: str | None = None) -> "CompiledView":
        """The compiled feature view of that name, or the only one."""
        return _pick(self.views, name, "feature view")

    def model(self, name: str | None = None) -> Model:
        """The model of that name, or the default one."""
        if name is None and self.default_model is not None:
            return self.default_model
        return _pick(self.models, name, "model")

    @property
    def default_model(self) -> Model | None:
        """The only model, or the one that is declared the default."""
        models = list(self.models.values())
        return models[0] if len(models) == 1 else next((m for m in models if m.default), None)

    def model_name(self, name: str | None, release: str) -> str:
        """The model that is meant where a release is named: its own, if no other is asked for."""
        own = (
            each for each in self.models if re.fullmatch(f"{re.escape(each)}-[0-9a-f]+", release)
        )
        return self.model(name or next(own, None)).name


def examples() -> Path:
    """The folder of the example projects: in an installed wheel, or in a checkout beside src."""
    package = Path(__file__).parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parents[1] / "examples"


def default_folder() -> Path:
    """The folder that the process runs in if that is a project, else the default example."""
    here = Path.cwd()
    return here if (here / DEFINITIONS).is_file() else examples() / "credit_risk"


def load(folder: Path | None = None) -> Project:
    """Import DIR/definitions.py and compile it; raises DefinitionError or InputError."""
    from hindcast.compiler.checks import compile_checks

    project = read(folder)
    for source in project.sources.values():
        compile_checks(source)
    _ = project.views
    for service in project.services.values():
        project.compiled(service)
    for model in project.models.values():
        _check_model(model, project)
    return project


def read(folder: Path | None = None) -> Project:
    """Import DIR/definitions.py, its SQL unread: for what only needs names; raises as load does."""
    base = (folder or default_folder()).absolute()
    path = base / DEFINITIONS
    if not path.is_file():
        raise InputError(f"{base}: there is no definitions.py; create it, or name another folder")
    declared = list(vars(_import(path)).values())
    views = _named(declared, FeatureView)
    models = _named(declared, Model)
    services = _named(declared, FeatureService)
    _check_default(models)
    for where, service in _read_services(models, services):
        _check_views(where, service, views)
    events = (model.events for model in models.values())
    sources = _named([*declared, *(view.source for view in views.values()), *events], Source)
    return Project(base, sources, views, models, services, retention.declared(declared))


def _read_services(
    models: dict[str, Model], services: dict[str, FeatureService]
) -> Iterator[tuple[str, FeatureService]]:
    """Every service of the project, and what a definition that reads it is called."""
    for name, service in services.items():
        yield f"feature service '{name}'", service
    for name, model in models.items():
        yield f"model '{name}'", model.service


def _check_views(where: str, service: FeatureService, views: dict[str, FeatureView]) -> None:
    for item in service.items:
        if isinstance(item, FeatureSelection) and views.get(item.view.name) is not item.view:
            raise DefinitionError(
                f"{where}: its feature view '{item.view.name}' is not in definitions.py; declare "
                "it there"
            )


def _import(path: Path) -> ModuleType:
    module = ModuleType("hindcast_project_definitions")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        # Without Python's cache, which takes a file that changed within a second for the old one.
        code = compile(path.read_bytes(), str(path), "exec")
        with _importable(path.parent):
            exec(code, vars(module))
    except DefinitionError:
        raise
    except (Exception, SystemExit) as error:
        said = error.msg if isinstance(error, SyntaxError) else error
        reason = f"{type(error).__name__}: {said}"
        raise DefinitionError(f"{_place(error, path)}: {reason}; fix the file") from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let definitions.py import modules beside it, which no other project then finds."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if _is_below(folder, sys.modules[name]):
                del sys.modules[name]


def _is_below(folder: Path, module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).is_relative_to(folder)


def _place(error: BaseException, path: Path) -> str:
    """The file and line of the project where an error arose."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{error.filename} line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(path.parent)]
    return f"{own[-1].filename} line {own[-1].lineno}" if own else str(path)


def _named(declared: Iterable[object], kind: type[Named]) -> dict[str, Named]:
    """The definitions of a kind, by name; two variables may name the same one."""
    found: dict[str, Named] = {}
    for item in declared:
        if isinstance(item, kind) and found.setdefault(item.name, item) is not item:
            raise DefinitionError(
                f"two {kind.__name__} definitions are named '{item.name}'; rename one of them"
            )
    return found


def _check_default(models: Mapping[str, Model]) -> None:
    defaults = [f"'{name}'" for name, model in models.items() if model.default]
    if len(defaults) > 1:
        raise DefinitionError(
            f"models {' and '.join(defaults)} are all declared as the default; leave one"
        )


def _check_model(model: Model, project: Project) -> None:
    """Raise DefinitionError where a model cannot be trained, whatever its data are."""
    service = project.service_of(model)
    for feature in service.features:
        kind = feature.datatype
        if not kind.is_numeric and not kind.is_array and kind != STRING:
            raise DefinitionError(
                f"model '{model.name}': feature '{feature.name}' is {feature.datatype}, which no "
                "model reads; turn it into a number, such as days_between"
            )
    for name in model.slices:
        if name not in service.sliceable:
            raise DefinitionError(
                f"model '{model.name}': slice '{name}' is not a feature of its views; they have "
                f"{', '.join(service.sliceable)}"
            )
    project.labelled(model)


def _pick(items: dict[str, Item], name: str | None, what: str) -> Item:
    if name is None and len(items) == 1:
        return next(iter(items.values()))
    if name is None or name not in items:
        asked = f"no {what} '{name}'" if name else f"name one {what}"
        raise InputError(f"{asked}; the project has {', '.join(sorted(items)) or 'none'}")
    return items[name]
