"""Opens new volumes to the users that pods run as.

The host-path provisioner makes a volume's folder for root alone, and the kubelet applies no fsGroup to a host path. So
each new folder is opened to everybody, as soon as the kernel reports it. Only root gets as far as the folder that they
are in.
"""

import asyncio
import ctypes
import os
from pathlib import Path

IN_CREATE = 0x100
IN_MOVED_TO = 0x80
EVERYBODY = 0o777


class VolumeOpener:
    """Watches a folder by inotify(7), from within an event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        libc = ctypes.CDLL(None, use_errno=True)
        self.handle = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.handle < 0 or libc.inotify_add_watch(self.handle, os.fsencode(folder), IN_CREATE | IN_MOVED_TO) < 0:
            raise OSError(ctypes.get_errno(), f"{folder} can't be watched")
        asyncio.get_running_loop().add_reader(self.handle, self._reported)
        self.open_all()

    def open_all(self) -> None:
        for volume in self.folder.iterdir():
            if volume.is_dir() and not volume.is_symlink() and volume.stat().st_mode & EVERYBODY == 0o750:
                volume.chmod(EVERYBODY)

    def _reported(self) -> None:
        os.read(self.handle, 65536)
        self.open_all()
