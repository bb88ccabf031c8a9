"""The promises of every plugin, each a function that returns what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rallypoint.testing.contract.examination import Examined, NotExaminedError

IMPORT_SECONDS = 0.5
"""Processor time that importing a plugin may take, its bytecode being compiled."""
_WELL = frozenset({"active", "retrying", "needs_reauth"})
"""Statuses that a plugin may have in a server that reaches no provider."""


@dataclass(frozen=True, slots=True)
class Check:
    """One promise.

    Args:
        name: For test ids.
        promise: In words.
        problems: Yields a sentence for each way in which it is broken.
    """

    name: str
    promise: str
    problems: Callable[[Examined], Iterator[str]]

    def run(self, examined: Examined) -> list[str]:
        """Return what is wrong; empty when the promise is kept."""
        try:
            return list(self.problems(examined))
        except NotExaminedError as error:
            return [str(error)]


def _manifest(examined: Examined) -> Iterator[str]:
    manifest = examined.found.manifest
    if manifest is None:
        yield examined.found.problem
    elif not manifest.requires_rallypoint:
        yield "plugin.toml does not say requires_rallypoint"


def _offline(examined: Examined) -> Iterator[str]:
    for attempt in examined.present.lived.import_network:
        yield f"import or registration uses the network: {attempt}"


def _quick(examined: Examined) -> Iterator[str]:
    seconds = examined.present.lived.import_seconds
    if seconds > IMPORT_SECONDS:
        yield f"the import takes {seconds:.2f} s of processor time; {IMPORT_SECONDS} are allowed"


def _loads(examined: Examined) -> Iterator[str]:
    status = examined.present.lived.statuses[examined.found.name]
    if status["status"] not in _WELL:
        yield "{status} at {stage}: {reason} ({remedy})".format(**status)


def _at_home(examined: Examined) -> Iterator[str]:
    status = examined.present.lived.statuses[examined.found.name]
    if status["stage"] == "check":  # the loader's, which refuses the whole plugin
        yield status["reason"]


def _signed(examined: Examined) -> Iterator[str]:
    for webhook in examined.present.lived.webhooks:
        if webhook.unsigned not in (401, 503):
            yield f"{webhook.path} answers {webhook.unsigned} to an unsigned delivery, not 401 or 503"
        if webhook.sampled and webhook.tampered != 401:
            yield f"{webhook.path} answers {webhook.tampered} to a tampered delivery, not 401"


def _once(examined: Examined) -> Iterator[str]:
    for webhook in examined.present.lived.webhooks:
        if not webhook.sampled:
            yield f"{webhook.path} gives no sample, so that nothing is known of repeated deliveries"
        elif webhook.first == 503:
            yield f"{webhook.path} is not configured: give its settings, else nothing is known of repetitions"
        elif not (200 <= webhook.first < 300 and 200 <= webhook.second < 300):
            yield f"{webhook.path} answers {webhook.first}, then {webhook.second} to its sample"
        elif webhook.receipts != 1:
            yield f"{webhook.path} keeps {webhook.receipts} receipts of one delivery"


def _discreet(examined: Examined) -> Iterator[str]:
    report = examined.present.lived
    if any(secret in report.shown for secret in report.secrets):
        yield "a secret setting shows in its status, health or diagnostics"
    if any(secret in examined.present.output for secret in report.secrets):
        yield "a secret setting shows in the log"


def _tidy(examined: Examined) -> Iterator[str]:
    usual = examined.absent.lived.left
    for thing, number in examined.present.lived.left.items():
        if number > usual.get(thing, 0):
            yield f"after shutdown there are {number} × {thing}, without the plugin {usual.get(thing, 0)}"


def _documented(examined: Examined) -> Iterator[str]:
    if examined.found.is_core:
        return
    if not examined.readme:
        yield "there is no README.md, neither beside pyproject.toml nor in the distribution's metadata"
        return
    for name in examined.present.lived.variables:
        if name not in examined.readme:
            yield f"the README does not name {name}"


def _removable(examined: Examined) -> Iterator[str]:
    for status in examined.absent.lived.statuses.values():
        if status["status"] == "failed":
            yield "without it {name} is failed at {stage}: {reason}".format(**status)


CHECKS: Sequence[Check] = (
    Check("manifest", "The manifest is valid and says which cores it works with", _manifest),
    Check("offline", "Import and registration use no network", _offline),
    Check("quick", "The import is quick", _quick),
    Check("loads", "It loads within the time limit, starts, and its hooks work", _loads),
    Check(
        "at-home", "Every route lies under its prefixes, and nothing is claimed that others have", _at_home
    ),
    Check("signed", "Unsigned webhooks are refused", _signed),
    Check("once", "A repeated webhook is dropped", _once),
    Check("discreet", "No secret shows in status, diagnostics or log", _discreet),
    Check("tidy", "Shutdown leaves no task, thread or socket", _tidy),
    Check("documented", "The README names every setting", _documented),
    Check("removable", "The core starts on its data once it is uninstalled", _removable),
)
