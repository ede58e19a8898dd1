"""A project: the definitions of one folder, loaded and checked before anything runs."""

import importlib.util
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from hindcast.compiler.checks import compile_checks
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.definitions import FeatureView, Model, Source
from hindcast.errors import DefinitionError, InputError

Named = TypeVar("Named", Source, FeatureView, Model)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Project:
    """Everything a definitions.py declares, by name, with its views compiled."""

    folder: Path
    sources: dict[str, Source]
    views: dict[str, CompiledView]
    models: dict[str, Model]

    def source(self, name: str | None = None) -> Source:
        """The source of that name, or the only one."""
        return _pick(self.sources, name, "source")

    def view(self, name: str | None = None) -> CompiledView:
        """The compiled feature view of that name, or the only one."""
        return _pick(self.views, name, "feature view")

    def model(self, name: str | None = None) -> Model:
        """The model of that name, or the only one."""
        return _pick(self.models, name, "model")


def default_folder() -> Path:
    """The credit-risk example: inside an installed wheel, or in a checkout beside src."""
    package = Path(__file__).parent
    installed = package / "example"
    return installed if installed.is_dir() else package.parents[1] / "examples" / "credit_risk"


def load(folder: Path | None = None) -> Project:
    """Import DIR/definitions.py and compile it; raises DefinitionError or InputError."""
    base = (folder or default_folder()).absolute()
    path = base / "definitions.py"
    if not path.is_file():
        raise InputError(f"--project {base}: there is no definitions.py; create it or name another")
    module = _import(path)
    views = _named(module, FeatureView)
    sources = _named(module, Source) | {v.source.name: v.source for v in views.values()}
    models = _named(module, Model)
    for source in sources.values():
        compile_checks(source)
    compiled = {name: compile_view(view) for name, view in views.items()}
    for model in models.values():
        _check_model(model, compiled)
    return Project(base, sources, compiled, models)


def _import(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("hindcast_project_definitions", path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except DefinitionError:
        raise
    except Exception as error:
        raise DefinitionError(f"{path}: {type(error).__name__}: {error}; fix the file") from error
    return module


def _named(module: ModuleType, kind: type[Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for item in _distinct(value for value in vars(module).values() if isinstance(value, kind)):
        if item.name in found:
            raise DefinitionError(
                f"two {kind.__name__} definitions are named '{item.name}'; rename one of them"
            )
        found[item.name] = item
    return found


def _distinct(items: Iterable[Named]) -> list[Named]:
    """Each object once: two variables may name the same definition."""
    return list({id(item): item for item in items}.values())


def _check_model(model: Model, views: dict[str, CompiledView]) -> None:
    view = views.get(model.features.view.name)
    if view is None:
        raise DefinitionError(f"model '{model.name}': its feature view is not in definitions.py")
    source = view.view.source
    if model.label != f"{source.name}.{source.label}":
        raise DefinitionError(
            f"model '{model.name}': label '{model.label}' is not '{source.name}.{source.label}', "
            f"the label that its features' source declares"
        )
    known = [feature.name for feature in view.features]
    for name in model.slices:
        if name not in known:
            raise DefinitionError(
                f"model '{model.name}': slice '{name}' is not a feature of '{view.view.name}'; "
                f"it has {', '.join(known)}"
            )


def _pick(items: dict[str, Item], name: str | None, what: str) -> Item:
    if name is None and len(items) == 1:
        return next(iter(items.values()))
    if name is None or name not in items:
        asked = f"no {what} '{name}'" if name else f"name one {what}"
        raise InputError(f"{asked}; the project has {', '.join(sorted(items)) or 'none'}")
    return items[name]
