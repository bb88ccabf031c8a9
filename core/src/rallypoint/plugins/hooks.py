"""Who implements which hook: pluggy's parsing and checking, and none of its calling."""

from __future__ import annotations

import inspect
from collections import defaultdict
from types import ModuleType
from typing import Any

import pluggy

from rallypoint.plugins import hookspecs

_IMPL = f"{hookspecs.PROJECT}_impl"


class HookMismatch(Exception):
    """An implementation does not fit the hooks; the message names it."""


class Hooks:
    """The hooks that exist and the plugins that implement them."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._owners: dict[str, str] = {}
        self._by_hook: dict[str, dict[str, pluggy.HookImpl]] = defaultdict(dict)

    def add_specs(self, owner: str, module: ModuleType) -> None:
        """Add the hooks by which others extend ``owner``.

        Raises:
            HookMismatch: The module has no hooks, or one whose name is taken.
        """
        names = [name for name in dir(module) if self._manager.parse_hookspec_opts(module, name) is not None]
        if not names:
            raise HookMismatch(f"{module.__name__} has no function marked @hookspec")
        for name in names:
            if self.exists(name):
                raise HookMismatch(
                    f"the hook {name} exists already, from {self._owners.get(name, 'the core')}"
                )
        self._manager.add_hookspecs(module)
        self._owners.update(dict.fromkeys(names, owner))

    def exists(self, hook: str) -> bool:
        """Tell whether a hook of this name is declared."""
        caller = getattr(self._manager.hook, hook, None)
        return caller is not None and caller.has_spec()

    def register(self, name: str, plugin: object) -> None:
        """Add a plugin's implementations, all or none.

        Raises:
            HookMismatch: One is named like no hook, takes other arguments, or is (or is not) a coroutine.
        """
        try:
            self._manager.register(plugin, name)
            for caller in self._manager.get_hookcallers(plugin) or ():
                self._adopt(name, plugin, caller)
            self._unmarked(plugin)
        except BaseException as error:
            self.unregister(name)
            if isinstance(error, (pluggy.PluginValidationError, ValueError)):
                raise HookMismatch(str(error).replace("\n", " ")) from error
            raise

    def unregister(self, name: str) -> None:
        """Forget a plugin; harmless when it is unknown."""
        for implementers in self._by_hook.values():
            implementers.pop(name, None)
        if self._manager.has_plugin(name):
            self._manager.unregister(name=name)

    def implementation(self, name: str, hook: str) -> pluggy.HookImpl | None:
        """Return a plugin's implementation of a hook, if it has one."""
        return self._by_hook[hook].get(name) if hook in self._by_hook else None

    def implementers(self, hook: str) -> list[str]:
        """Return the names of the plugins that implement a hook, in the order of loading."""
        return list(self._by_hook.get(hook, ()))

    def foreign(self, name: str) -> dict[str, str]:
        """Return the hooks of others that a plugin implements, each with its owner (empty: nobody's)."""
        mine = (hook for hook, implementers in self._by_hook.items() if name in implementers)
        return {
            hook: self._owners.get(hook, "") for hook in mine if hook in self._owners or not self.exists(hook)
        }

    def _adopt(self, name: str, plugin: object, caller: pluggy.HookCaller) -> None:
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not plugin:
                continue
            if caller.spec is None and not implementation.optionalhook:
                raise HookMismatch(
                    f"{caller.name} is no hook; a typo, or mark it @hookimpl(optionalhook=True)"
                )
            if caller.spec is not None:
                _same_kind(caller.name, caller.spec.function, implementation.function)
            self._by_hook[caller.name][name] = implementation

    def _unmarked(self, plugin: object) -> None:
        home = getattr(plugin, "__name__", None)
        for name, value in vars(plugin).items():
            own = inspect.isfunction(value) and value.__module__ == home
            if own and self.exists(name) and not hasattr(value, _IMPL):
                raise HookMismatch(f"{name} is named like a hook and not marked @hookimpl")


def _same_kind(hook: str, spec: Any, implementation: Any) -> None:
    wanted = inspect.iscoroutinefunction(spec)
    if inspect.iscoroutinefunction(implementation) != wanted:
        raise HookMismatch(f"{hook} must be {'an async' if wanted else 'a plain'} function")
