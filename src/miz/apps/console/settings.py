"""The settings that exist: their value, their preset, and where each is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import miz
from miz.access.roles import CHANGE_MODE
from miz.apps.console.frame import ConsoleFrame, FrameOf, console_page
from miz.infra.data_folder import DataFolder
from miz.infra.http import Call, Endpoint, Reply
from miz.infra.settings import Settings
from miz.practice.modes.service import Modes
from miz.practice.openings.presence import Presence
from miz.practice.web.frame import reply


@dataclass(frozen=True, kw_only=True)
class SettingLine:
    """One setting: `name` as in the catalogue of the template, `place` where it is changed (an address, or a variable of the environment)."""

    name: str
    value: str
    preset: str
    place: str

    @property
    def is_changed(self) -> bool:
        return bool(self.preset) and self.value != self.preset


@dataclass(frozen=True, kw_only=True)
class SettingsPage:
    """All settings in one table, and the facts about this server."""

    template: ClassVar[str] = "console_settings.html"
    frame: ConsoleFrame
    lines: Sequence[SettingLine]
    version: str
    folder: str


class SettingsPages:
    """The page, bound to one server's parts."""

    def __init__(self, settings: Settings, modes: Modes, presence: Presence, folder: DataFolder, frame_of: FrameOf) -> None:
        self._settings = settings
        self._modes = modes
        self._presence = presence
        self._folder = folder
        self._frame_of = frame_of

    def endpoints(self) -> list[Endpoint]:
        return [console_page("GET", "/console/settings", CHANGE_MODE, self.show, "Settings")]

    async def show(self, call: Call) -> Reply:
        presets = {setting.name: setting.default for setting in fields(Settings)}
        given = self._settings
        stored = [
            SettingLine(
                name="control_interval_s", value=str(self._presence.interval_s), preset=str(presets["control_interval_s"]), place="/console/mode"
            ),
            SettingLine(name="starts_in_operating", value="yes" if self._modes.starts_in_operating else "no", preset="yes", place="/console/mode"),
        ]  # fmt: skip
        own = [
            SettingLine(name=name, value=_word(getattr(given, name)), preset=_word(presets[name]), place=f"MIZ_{name.upper()}")
            for name in ("idle_lock_min", "session_h", "retention_years", "tls", "http_port", "api_docs")
        ]
        page = SettingsPage(
            frame=self._frame_of(call.person, "settings"), lines=[*stored, *own], version=miz.__version__, folder=str(self._folder.path)
        )
        return reply(page, call)


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
