"""`python -m miz.apps.backing_up`: makes one backup, or restores one on trial, beside the server that asks for it."""

from miz.backup.apart import attend
from miz.infra.data_folder import DataFolder
from miz.infra.settings import Settings


def _open_restored(folder: DataFolder, settings: Settings) -> None:
    # Whoever only packs does not pay for loading the server.
    from miz.apps.bootstrap import open_restored

    open_restored(folder, settings)


if __name__ == "__main__":
    attend(_open_restored)
