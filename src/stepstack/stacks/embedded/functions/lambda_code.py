"""A function's code: a Python callable, a `module:handler` of this process, a folder, or a zip file in a private folder.

A folder's modules are imported apart from everybody else's: two functions that both have an `app.py` don't meet, and neither meets an
`app` of the tests. They are modules of a package of the function's own (`stepstack_lambda_1.app`), and the `import` statements in
them look into the function's folder first. Breakpoints and coverage work, because the files keep their names; only stack traces in
answers name `/var/task`, as they do on AWS.

A layer is a folder too: the modules below its `python` belong to the function as those of its own folder do.

Called by `lambda_service`. Left out: `importlib.import_module` with the name of a module in the folder, and `/opt`.
"""

from __future__ import annotations

import builtins
import importlib
import io
import itertools
import logging
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from stepstack.errors import ServiceError

__all__ = ["CallableCode", "Code", "CodeFault", "FolderCode", "code_of_zip", "named_handler"]

Handler: TypeAlias = "Callable[[Any, Any], Any]"

_log = logging.getLogger("stepstack.embedded")

TASK_ROOT = "/var/task"
UNZIPPED_LIMIT_BYTES = 262_144_000
UNZIP_FAILURE = "Could not unzip uploaded file. Please check your file, then try to upload again."

_PACKAGE = "stepstack_lambda_"
_numbers = itertools.count(1)


class CodeFault(Exception):
    """The handler cannot be had; becomes an error payload with `error_type`, such as Runtime.ImportModuleError."""

    def __init__(self, error_type: str, message: str, trace: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.trace = list(trace)


class CallableCode:
    """A Python callable of this process."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def handler(self, _name: str) -> Handler:
        return self._handler

    def traced_path(self, path: str) -> str:
        """The path of a source file as a stack trace names it."""
        return path

    def forget(self) -> None:
        """The next invocation begins cold; of a callable nothing is kept."""

    def close(self) -> None:
        """Removes what the code occupies."""


class FolderCode:
    """The modules below a folder, imported apart. `owned` folders are removed with the code."""

    def __init__(self, root: Path, *, owned: bool = False, layers: Sequence[Path] = ()) -> None:
        self.root = root.resolve()
        self._folders = [str(self.root), *(str(folder) for layer in layers for folder in _layer_folders(layer.resolve()))]
        self._owned = owned
        self._package = ""
        self._handlers: dict[str, Handler] = {}

    def handler(self, name: str) -> Handler:
        """The handler `folder/module.function`; imported on first use. Raises CodeFault, or what the module raises."""
        known = self._handlers.get(name)
        if known is None:
            known = self._handlers[name] = self._import(name)
        return known

    def traced_path(self, path: str) -> str:
        try:
            relative = Path(path).relative_to(self.root)
        except ValueError:
            return path
        return f"{TASK_ROOT}/{relative.as_posix()}"

    def forget(self) -> None:
        self._handlers.clear()
        if self._package:
            _forget_package(self._package)
            self._package = ""

    def close(self) -> None:
        self.forget()
        if self._owned:
            shutil.rmtree(self.root, ignore_errors=True)

    def _import(self, name: str) -> Handler:
        module_name, dot, function = name.rpartition(".")
        if not dot:
            raise CodeFault("Runtime.MalformedHandlerName", f"Bad handler '{name}': not enough values to unpack (expected 2, got 1)")
        dotted = module_name.replace("/", ".")
        self._package = self._package or _new_package(self._folders)
        try:
            module = importlib.import_module(f"{self._package}.{dotted}")
        except ImportError as error:
            self._tell_of_requirements(name, error)
            text = str(error).replace(f"{self._package}.", "")
            raise CodeFault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {text}") from error
        except SyntaxError as error:
            where = self.traced_path(error.filename or "")
            trace = [f'  File "{where}" Line {error.lineno}\n    {error.text}']
            text = str(error).replace(error.filename or "", where)
            raise CodeFault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {text}", trace) from error
        return _attribute(module, function, module_name)

    def _tell_of_requirements(self, handler: str, error: ImportError) -> None:
        """Says how a library comes here that only the requirements name: nothing has installed them, which is `sam build`'s work."""
        missing = (error.name or "").removeprefix(f"{self._package}.").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and missing and (self.root / "requirements.txt").is_file():
            _log.warning(
                "the function %s in %s needs the module %s, which is not installed here. A deployment does not install requirements.txt: "
                "run `sam build` and deploy .aws-sam/build/template.yaml, or install the requirements beside stepstack",
                handler,
                self.root,
                missing,
            )


Code: TypeAlias = "CallableCode | FolderCode"


def named_handler(text: str) -> CallableCode:
    """The callable that `module:handler` names in this process, looked up anew with each invocation, so that it may be patched."""
    module_name, colon, attributes = text.partition(":")
    if not colon or not module_name or not attributes:
        raise ValueError(f"a handler is named module:function, not {text!r}")

    def handler(event: Any, context: Any) -> Any:
        target: Any = importlib.import_module(module_name)
        for attribute in attributes.split("."):
            target = getattr(target, attribute)
        return target(event, context)

    return CallableCode(handler)


def code_of_zip(archive: bytes) -> FolderCode:
    """The code of a zip file, unpacked into a folder that nobody else can read."""
    root = Path(tempfile.mkdtemp(prefix="stepstack-lambda-")).resolve()
    try:
        _unpack(archive, root)
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    return FolderCode(root, owned=True)


def _unpack(archive: bytes, root: Path) -> None:
    try:
        bundle = zipfile.ZipFile(io.BytesIO(archive))
    except zipfile.BadZipFile:
        raise _invalid_code(UNZIP_FAILURE) from None
    with bundle:
        if sum(entry.file_size for entry in bundle.infolist()) >= UNZIPPED_LIMIT_BYTES:
            raise _invalid_code(f"Unzipped size must be smaller than {UNZIPPED_LIMIT_BYTES} bytes")
        if not all((root / name).resolve().is_relative_to(root) for name in bundle.namelist()):
            raise _invalid_code(UNZIP_FAILURE)
        try:
            bundle.extractall(root)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
            # Its directory can be read, what it names cannot: it is damaged, encrypted, compressed as Python does not know, or has a
            # file where another one needs a folder.
            raise _invalid_code(UNZIP_FAILURE) from None


def _invalid_code(message: str) -> ServiceError:
    return ServiceError("InvalidParameterValueException", message)


def _attribute(module: ModuleType, function: str, module_name: str) -> Handler:
    try:
        handler: Handler = getattr(module, function)
    except AttributeError:
        raise CodeFault("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module_name}'") from None
    return handler


class _Loader(SourceFileLoader):
    """Gives a module its function's `__import__`."""

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = _packages[module.__name__.partition(".")[0]]
        super().exec_module(module)


class _Finder:
    """Finds the modules of functions; stands in `sys.meta_path` while there are any."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(_PACKAGE) or path is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


_finder = _Finder()
_packages: dict[str, dict[str, Any]] = {}
"""The builtins of each function's modules, by the name of its package."""


def _layer_folders(layer: Path) -> list[Path]:
    """Where a layer has modules for Python."""
    modules = layer / "python"
    # `sam build` makes that folder of a layer's source that has none.
    return [modules, *sorted(modules.glob("lib/python3*/site-packages"))] if modules.is_dir() else [layer]


def _new_package(folders: Sequence[str]) -> str:
    name = f"{_PACKAGE}{next(_numbers)}"
    package = ModuleType(name)
    package.__path__ = list(folders)
    sys.modules[name] = package
    _packages[name] = {**vars(builtins), "__import__": _import_for(name, folders)}
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    # The folder may have been written within the resolution of its time stamp.
    importlib.invalidate_caches()
    return name


def _forget_package(package: str) -> None:
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]
    _packages.pop(package, None)
    if not _packages and _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


def _import_for(package: str, folders: Sequence[str]) -> Callable[..., ModuleType]:
    """`__import__` as the function's modules see it: absolute names of the folders are modules of the function's package."""
    known: dict[str, bool] = {}

    def is_own(top: str) -> bool:
        if top not in known:
            known[top] = PathFinder.find_spec(top, list(folders)) is not None
        return known[top]

    def function_import(
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002 - the names that __import__ has
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        top = name.partition(".")[0]
        if level or top in sys.builtin_module_names or not is_own(top):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = builtins.__import__(f"{package}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{package}.{top}"]

    return function_import
