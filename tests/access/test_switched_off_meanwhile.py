"""An account that is switched off stays off, whatever is tried on it meanwhile or later."""

import asyncio
from pathlib import Path

import pytest

from miz.access import users
from miz.access.errors import UserDisabledError, WrongPasswordError
from miz.apps.bootstrap import Server
from tests.support.practice import PASSWORD, new_practice, settings_for


def test_signing_in_does_not_switch_the_account_on_again(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)

    async def story() -> None:
        async with Server(folder, settings_for(folder)).running() as server:
            signing_in = asyncio.create_task(
                server.signing_in.sign_in(name="Fr. Assistenz", password=PASSWORD, place=None, address="10.1.1.7")
            )
            await asyncio.sleep(0)  # the account has been read, its hash is being computed
            await server.writer.run(lambda tx: users.set_user_disabled(tx, "Fr. Assistenz", is_disabled=True))
            assert not signing_in.done()
            with pytest.raises(UserDisabledError):
                await signing_in
            assert users.find_user(server.database.reader(), "Fr. Assistenz").is_disabled

    asyncio.run(story())


def test_a_wrong_guess_does_not_switch_the_account_on_again(tmp_path: Path) -> None:
    folder = new_practice(tmp_path)

    async def story() -> None:
        async with Server(folder, settings_for(folder)).running() as server:
            await server.writer.run(lambda tx: users.set_user_disabled(tx, "Fr. Assistenz", is_disabled=True))
            with pytest.raises(WrongPasswordError):
                await server.signing_in.sign_in(name="Fr. Assistenz", password="geraten " * 3, place=None, address="10.1.1.7")
            with pytest.raises(UserDisabledError):
                await server.signing_in.sign_in(name="Fr. Assistenz", password=PASSWORD, place=None, address="10.1.1.7")
            found = users.find_user(server.database.reader(), "Fr. Assistenz")
            assert (found.is_disabled, found.failures_in_row) == (True, 0)

    asyncio.run(story())
