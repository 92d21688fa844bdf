"""Failing syncs: a library that lets fsync and fdatasync of chosen files of another process fail.

It is put before the C library (LD_PRELOAD) of a server. While the control file holds a piece of a path, every sync of a
file whose path has that piece fails with EIO and is noted in the journal; so a sync that is tried again shows.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int descriptor) {
    char wanted[256] = "", link[64], path[PATH_MAX] = "";
    const char *control = getenv("FAILING_SYNCS_CONTROL"), *journal = getenv("FAILING_SYNCS_JOURNAL");
    int file = control ? open(control, O_RDONLY) : -1;
    if (file < 0) return 0;
    ssize_t length = read(file, wanted, sizeof wanted - 1);
    close(file);
    if (length <= 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    if (readlink(link, path, sizeof path - 2) < 0 || !strstr(path, wanted)) return 0;
    strcat(path, "\n");
    file = open(journal, O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (file >= 0) {
        if (write(file, path, strlen(path)) < 0) abort();
        close(file);
    }
    errno = EIO;
    return 1;
}

int fdatasync(int descriptor) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fdatasync");
    return fails(descriptor) ? -1 : real(descriptor);
}

int fsync(int descriptor) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "fsync");
    return fails(descriptor) ? -1 : real(descriptor);
}
"""


class FailingSyncs:
    """The library, compiled into a folder, and its control. `environment` is what the server needs."""

    def __init__(self, folder: Path) -> None:
        source, library = folder / "failing_syncs.c", folder / "failing_syncs.so"
        source.write_text(SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self._control, self._journal = folder / "failing", folder / "failed"
        self.environment = {
            "LD_PRELOAD": str(library),
            "FAILING_SYNCS_CONTROL": str(self._control),
            "FAILING_SYNCS_JOURNAL": str(self._journal),
        }

    def begin(self, piece: str) -> None:
        """From now on syncs of files whose path has this piece fail."""
        self._journal.unlink(missing_ok=True)
        self._control.write_text(piece)

    def end(self) -> list[str]:
        """Syncs work again; gives the paths of those that have failed, in order."""
        self._control.unlink()
        return self._journal.read_text().splitlines() if self._journal.exists() else []
