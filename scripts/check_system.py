"""Finds the shared libraries that mujoco's renderer and open3d need, and says how to get them.

On Debian and Ubuntu as root it installs them itself. A missing library is a warning and not a
failure: without a renderer everything works but the pictures.
"""

import ctypes
import os
import shutil
import subprocess
import sys

# Package of Debian and Ubuntu by the library that it brings.
PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libX11.so.6": "libx11-6",
    "libusb-1.0.so.0": "libusb-1.0-0",
    "libudev.so.1": "libudev1",
    "libidn2.so.0": "libidn2-0",
}
INSTALL_LIMIT_S = 600


def missing_libraries() -> list[str]:
    """Return the libraries that the dynamic linker does not find, in the order of `PACKAGES`."""
    return [name for name in PACKAGES if not _is_loadable(name)]


def install_command(libraries: list[str]) -> list[str]:
    """Return the one command, for Debian and Ubuntu, that brings `libraries`."""
    return ["apt-get", "install", "-y", "--no-install-recommends", *map(PACKAGES.get, libraries)]  # type: ignore[list-item]  # each is a key


def main() -> int:
    """Report on standard error what is missing; install it where that is possible."""
    if not sys.platform.startswith("linux"):
        return 0
    missing = missing_libraries()
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        _write(f"setup: installing {', '.join(missing)}")
        _install(missing)
        missing = missing_libraries()
    if missing:
        command = " ".join(["sudo", *install_command(missing)])
        _write(f"setup: expected these system libraries, got none: {', '.join(missing)}")
        _write(f"setup: pictures and point clouds need them; Debian and Ubuntu: {command}")
    return 0


def _is_loadable(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _install(libraries: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-q"], install_command(libraries)):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, timeout=INSTALL_LIMIT_S, check=False
        )
        if done.returncode != 0:
            _write(f"setup: {' '.join(command)}: exit status {done.returncode}")


def _write(text: str) -> None:
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
