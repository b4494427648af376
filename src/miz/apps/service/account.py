"""Root works on the service's folder as the service's account, so that the service can read all that a command leaves there."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from miz.infra.settings import system_state_folder

if sys.platform == "darwin":
    from miz.apps.service.launchd import ACCOUNT
else:
    from miz.apps.service.systemd import ACCOUNT


@contextlib.contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """For the block, root takes the account of the service where the folder, or what it will be made in, belongs to that.

    Whoever else calls stays who he is.
    """
    owner = _service_account_of(folder.expanduser().absolute())
    if sys.platform == "win32" or owner is None:
        yield
        return
    user_id, group_id = owner
    groups, former = os.getgroups(), os.environ.get("XDG_STATE_HOME")
    os.setgroups([])
    os.setegid(group_id)
    os.seteuid(user_id)
    # The same as the unit says, so that the key is found where the service looks for it.
    os.environ["XDG_STATE_HOME"] = str(system_state_folder())
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        if former is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = former


def _service_account_of(folder: Path) -> tuple[int, int] | None:
    """Numbers of the service's user and group when it owns the folder and the caller may become it."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd

    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    return (account.pw_uid, account.pw_gid) if nearest.stat().st_uid == account.pw_uid else None
