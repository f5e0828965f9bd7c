"""Waits for changes of a file without looking at it again and again: inotify(7) by ctypes."""

import ctypes
import os
import select

MODIFY = 0x2
LIBC = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Owns its descriptor."""

    def __init__(self, path):
        self.descriptor = LIBC.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        if self.descriptor < 0 or LIBC.inotify_add_watch(self.descriptor, os.fsencode(path), MODIFY) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))

    def wait(self, seconds):
        """Whether the file was changed since the last time, or is within so many seconds."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        os.read(self.descriptor, 1 << 16)
        return True

    def close(self):
        os.close(self.descriptor)
