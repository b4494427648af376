"""`miz user`, `miz workplace`, `miz room` and `miz device`: who works where, and with which devices."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import quote
from zoneinfo import ZoneInfo

import typer
from rich.table import Table

from miz.access.accounts.model import AddedUser, NewUser, OneTimeCode, UserRoles, Users
from miz.access.devices.model import Devices, Kind, NewDevice, PairingCode
from miz.access.workplaces.model import NewWorkplace, RoomName, Rooms, Workplaces
from miz.infra.command_line import CommandLine, Data, Json, out, read_secret, show_json
from miz.kernel.errors import InvalidInputError
from miz.ui.i18n import format_moment, translator

_ZONE = ZoneInfo("Europe/Berlin")
_User = Annotated[str, typer.Argument(help="Name of the user.")]
_NameOrId = Annotated[str, typer.Argument(help="Name or id.")]
_Roles = Annotated[list[str], typer.Option("--role", help="May be given several times.")]


def register(app: typer.Typer, here: CommandLine) -> None:
    """Add the commands of this room to the command line."""
    _add_users(app, here)
    _add_workplaces(app, here)
    _add_rooms(app, here)
    _add_devices(app, here)


def _group(app: typer.Typer, name: str, help_: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=help_)
    app.add_typer(group, name=name)
    return group


def _say(here: CommandLine, sentence: str, **fields: object) -> None:
    out.print(translator(here.language())(sentence).format(**fields), soft_wrap=True, markup=False)


def _until(here: CommandLine, moment: datetime) -> str:
    return format_moment(moment, here.language(), _ZONE, now=datetime.now(UTC))


def _add_users(app: typer.Typer, here: CommandLine) -> None:
    user_app = _group(app, "user", "Users and their roles.")
    _add_second_factor(user_app, here)

    @user_app.command("list")
    def user_list(data: Data, json: Json = False) -> None:
        """All users."""
        _ = translator(here.language())
        states: dict[str, str] = {
            "active": "", "disabled": _("switched off"), "code_issued": _("has a one-time code until {time}"),
            "code_expired": _("has no password; the one-time code has expired"),
        }  # fmt: skip
        with here.client(data) as client:
            found = client.call("GET", "/users", answer=Users)
        if json:
            show_json(found)
            return
        table = Table(_("User"), _("Roles"), _("Second factor"), "", box=None)
        for user in found.items:
            told = states[user.state].format(time=_until(here, user.code_until) if user.code_until else "")
            table.add_row(user.name, ", ".join(user.roles), _("yes") if user.has_second_factor else "", told)
        out.print(table)

    @user_app.command("add")
    def user_add(
        data: Data,
        user: Annotated[str, typer.Argument(help="Name of the user, who signs in with it.")],
        role: _Roles,
        password_file: Annotated[Path | None, typer.Option(help="File with the password; a one-time code otherwise.", metavar="F")] = None,
    ) -> None:
        """Add a user. Without a password a one-time code is shown, with which the user sets one."""
        password = read_secret(password_file) if password_file else None
        with here.client(data) as client:
            added = client.call("POST", "/users", NewUser(user, role, password), answer=AddedUser)
        if added.one_time_code is None:
            _say(here, "{user} can sign in now.", user=added.name)
        else:
            _show_code(added.name, added.one_time_code)

    @user_app.command("code")
    def user_code(data: Data, user: _User) -> None:
        """Show a one-time code for a user who has forgotten the password; that one is void from now on."""
        with here.client(data) as client:
            _show_code(user, client.call("POST", f"/users/{quote(user, safe='')}/code", answer=OneTimeCode))

    @user_app.command("roles")
    def user_roles(data: Data, user: _User, role: _Roles) -> None:
        """Give a user these roles instead of the former; open sessions end at once."""
        with here.client(data) as client:
            client.call("PUT", f"/users/{quote(user, safe='')}/roles", UserRoles(role))
        _say(here, "{user} has these roles now: {roles}.", user=user, roles=", ".join(sorted(set(role))))

    @user_app.command("disable")
    def user_disable(data: Data, user: _User) -> None:
        """Switch a user off; open sessions end at once."""
        with here.client(data) as client:
            client.call("POST", f"/users/{quote(user, safe='')}/disable")
        _say(here, "{user} is switched off.", user=user)

    @user_app.command("enable")
    def user_enable(data: Data, user: _User) -> None:
        """Switch a user on again, as after too many wrong passwords."""
        with here.client(data) as client:
            client.call("POST", f"/users/{quote(user, safe='')}/enable")
        _say(here, "{user} can sign in now.", user=user)

    def _show_code(user: str, code: OneTimeCode) -> None:
        _say(here, "One-time code for {user}, shown only now and valid until {time}:", user=user, time=_until(here, code.valid_until))
        out.print(code.code)
        _say(here, "With it the user sets a password on the page /first-password.")


def _add_second_factor(user_app: typer.Typer, here: CommandLine) -> None:
    factor_app = _group(user_app, "second-factor", "The second factor of users.")

    @factor_app.command("reset")
    def second_factor_reset(data: Data, user: _User) -> None:
        """Reset the second factor of a user who has lost phone and recovery codes; open sessions end at once."""
        with here.client(data) as client:
            client.call("POST", f"/users/{quote(user, safe='')}/second-factor/reset")
        _say(here, "{user} has no second factor any more; the password is enough, if it has at least 15 characters.", user=user)


def _add_workplaces(app: typer.Typer, here: CommandLine) -> None:
    workplace_app = _group(app, "workplace", "Workplaces, and the rooms they stand in.")

    @workplace_app.command("list")
    def workplace_list(data: Data, json: Json = False) -> None:
        """All workplaces."""
        with here.client(data) as client:
            found = client.call("GET", "/workplaces", answer=Workplaces)
        if json:
            show_json(found)
            return
        _ = translator(here.language())
        table = Table(_("Workplace"), _("Room"), box=None)
        for workplace in found.items:
            table.add_row(workplace.name, workplace.room or "")
        out.print(table)

    @workplace_app.command("add")
    def workplace_add(
        data: Data,
        name: Annotated[str, typer.Argument(help="Name of the workplace.")],
        room: Annotated[str | None, typer.Option(help="Name of the room it stands in.")] = None,
    ) -> None:
        """Add a workplace."""
        with here.client(data) as client:
            client.call("POST", "/workplaces", NewWorkplace(name, room))
        _say(here, "{name} was added.", name=name)

    @workplace_app.command("change")
    def workplace_change(
        data: Data,
        workplace: _NameOrId,
        name: Annotated[str | None, typer.Option(help="The new name.")] = None,
        room: Annotated[str | None, typer.Option(help="The new room; an empty one takes it out of its room.")] = None,
    ) -> None:
        """Rename a workplace or move it to another room; windows there follow at once."""
        change = ({} if name is None else {"name": name}) | ({} if room is None else {"room": room or None})
        if not change:
            raise InvalidInputError("Give a new --name, a new --room, or both.")
        with here.client(data) as client:
            client.call("PATCH", f"/workplaces/{quote(workplace, safe='')}", change)
        _say(here, "{name} was changed.", name=workplace)

    @workplace_app.command("remove")
    def workplace_remove(data: Data, workplace: _NameOrId) -> None:
        """Remove a workplace that is not in use; what was written there keeps its name."""
        with here.client(data) as client:
            client.call("DELETE", f"/workplaces/{quote(workplace, safe='')}")
        _say(here, "{name} was removed.", name=workplace)


def _add_rooms(app: typer.Typer, here: CommandLine) -> None:
    room_app = _group(app, "room", "Rooms of the practice.")

    @room_app.command("list")
    def room_list(data: Data, json: Json = False) -> None:
        """All rooms."""
        with here.client(data) as client:
            found = client.call("GET", "/rooms", answer=Rooms)
        if json:
            show_json(found)
        else:
            out.print("\n".join(room.name for room in found.items), markup=False)

    @room_app.command("add")
    def room_add(data: Data, name: Annotated[str, typer.Argument(help="Name of the room.")]) -> None:
        """Add a room."""
        with here.client(data) as client:
            client.call("POST", "/rooms", RoomName(name))
        _say(here, "{name} was added.", name=name)

    @room_app.command("rename")
    def room_rename(data: Data, room: _NameOrId, name: Annotated[str, typer.Argument(help="The new name.")]) -> None:
        """Rename a room; windows and displays there follow at once."""
        with here.client(data) as client:
            client.call("PATCH", f"/rooms/{quote(room, safe='')}", RoomName(name))
        _say(here, "{name} was changed.", name=room)

    @room_app.command("remove")
    def room_remove(data: Data, room: _NameOrId) -> None:
        """Remove a room that is not in use."""
        with here.client(data) as client:
            client.call("DELETE", f"/rooms/{quote(room, safe='')}")
        _say(here, "{name} was removed.", name=room)


def _add_devices(app: typer.Typer, here: CommandLine) -> None:
    device_app = _group(app, "device", "Displays and browsers that are registered.")

    @device_app.command("list")
    def device_list(data: Data, json: Json = False) -> None:
        """All devices."""
        _ = translator(here.language())
        kinds = {"display": _("Display"), "workplace": _("Workplace")}
        states = {
            "paired": _("registered"),
            "revoked": _("revoked"),
            "waiting": _("waits for its code"),
            "code_expired": _("the code has expired"),
        }
        with here.client(data) as client:
            found = client.call("GET", "/devices", answer=Devices)
        if json:
            show_json(found)
            return
        table = Table("Id", _("Name"), _("Kind"), _("Place"), "", box=None)
        for device in found.items:
            table.add_row(device.id, device.name, kinds[device.kind], device.place, states[device.state])
        out.print(table)

    @device_app.command("code")
    def device_code(
        data: Data,
        device: Annotated[str | None, typer.Argument(help="Name or id of a known device, to register it anew.")] = None,
        display: Annotated[str | None, typer.Option(help="Register a new display in this room.", metavar="ROOM")] = None,
        workplace: Annotated[str | None, typer.Option(help="Register a browser at this workplace.", metavar="WORKPLACE")] = None,
        name: Annotated[str, typer.Option(help="Name of the new device; else that of its place.")] = "",
    ) -> None:
        """Show a code that registers a device, for ten minutes; in setup mode only."""
        kind: Kind = "display" if display else "workplace"
        place = display or workplace
        if (device is None) == (place is None) or (display and workplace):
            raise InvalidInputError("Name a known device, or give --display ROOM or --workplace WORKPLACE.")
        with here.client(data) as client:
            if place:
                made = client.call("POST", "/devices", NewDevice(kind, place, name), answer=PairingCode)
            else:
                made = client.call("POST", f"/devices/{quote(device or '', safe='')}/code", answer=PairingCode)
        _say(here, "Code for {device}, shown only now and valid until {time}:", device=made.device, time=_until(here, made.valid_until))
        out.print(made.code)
        _say(here, "Open the page /pair on the device and type it there.")

    @device_app.command("revoke")
    def device_revoke(data: Data, device: Annotated[str, typer.Argument(help="Name or id of the device.")]) -> None:
        """Revoke a device at once; sessions that began there end."""
        with here.client(data) as client:
            client.call("DELETE", f"/devices/{quote(device, safe='')}")
        _say(here, "{device} is not registered any more.", device=device)
