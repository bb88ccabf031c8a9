from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rallypoint.domains.integrations.api import return_url
from rallypoint.domains.integrations.catalogue import catalogue
from rallypoint.domains.integrations.defaults import camel
from rallypoint.house import House
from rallypoint.plugins.collect import make_context
from rallypoint.plugins.contributions import PluginSettings
from rallypoint.role import Role
from rallypoint.settings import Settings


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("focusmate", "focusmate"),
        ("google_calendar", "googleCalendar"),
        ("a_b_c", "aBC"),
        ("study__together", "studyTogether"),
    ],
)
def test_services_are_named_in_camel_case(name: str, key: str) -> None:
    assert camel(name) == key


def test_nothing_installed_is_an_empty_catalogue() -> None:
    assert catalogue([], {}).entries == {}


@pytest.mark.parametrize(
    ("settings", "to", "error", "url"),
    [
        ({}, "", "", "http://127.0.0.1:8080/settings/integrations?success=true"),
        ({"public_url": "https://x.example/"}, "", "", "https://x.example/settings/integrations?success=true"),
        ({"integrations_url": "https://app.example/settings/integrations"}, "", "google_auth_failed",
         "https://app.example/settings/integrations?error=google_auth_failed"),
        ({"integrations_url": "https://app.example/s?tab=1#top"}, "", "", "https://app.example/s?tab=1&success=true#top"),
        ({"integrations_url": "https://app.example/s"}, "/settings/integrations", "",
         "http://127.0.0.1:8080/settings/integrations?success=true"),
        ({"integrations_url": "https://app.example/s"}, "https://evil.example", "", "https://app.example/s?success=true"),
        ({"integrations_url": "https://app.example/s"}, "https://app.example/other?x=1", "",
         "https://app.example/other?x=1&success=true"),
        ({}, "/elsewhere/here", "", "http://127.0.0.1:8080/elsewhere/here?success=true"),
        ({}, "//evil.example", "a&b=c", "http://127.0.0.1:8080/settings/integrations?error=a%26b%3Dc"),
    ],
)  # fmt: skip
def test_callbacks_return_to_the_page_or_to_the_operators_own(
    settings: dict[str, Any], to: str, error: str, url: str, tmp_path: Path
) -> None:
    made = Settings(_env_file=None, data_dir=tmp_path, secret_key="k" * 40, **settings)
    house = House(made, Role.server(made))
    ctx = make_context("acme", house.kernel, PluginSettings())
    assert return_url(ctx, to, error=error) == url
