from pathlib import Path

from orders.config.reference import reference
from orders.config.setting_names import catalogue
from orders.config.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"


def test_the_page_is_what_the_settings_say() -> None:
    assert PAGE.read_text("utf-8") == reference(), (
        "run: python -m orders.config.reference > docs/settings.md"
    )


def test_every_setting_has_a_sentence() -> None:
    for setting in catalogue(Settings).values():
        assert (setting.field.description or "").endswith("."), setting.name


def test_every_number_is_bounded_in_words() -> None:
    for setting in catalogue(Settings).values():
        assert "None" not in setting.allowed, setting.name
