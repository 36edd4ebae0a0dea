"""The check for system libraries: it names what is missing and the command that brings it."""

import check_system


def test_a_library_that_is_not_there_is_found_missing(monkeypatch):
    """What the dynamic linker cannot load is reported, what it can load is not."""
    packages = {"libc.so.6": "libc6", "libnosuch.so.7": "libnosuch7"}
    monkeypatch.setattr(check_system, "PACKAGES", packages)

    assert check_system.missing_libraries() == ["libnosuch.so.7"]


def test_the_command_names_the_packages_of_the_missing_libraries():
    """One command brings them all."""
    command = check_system.install_command(["libEGL.so.1", "libudev.so.1"])

    assert " ".join(command) == "apt-get install -y --no-install-recommends libegl1 libudev1"


def test_who_may_not_install_is_told_what_to_type(monkeypatch, capsys):
    """Without the rights, the missing libraries and the one command are written out."""
    monkeypatch.setattr(check_system.sys, "platform", "linux")
    monkeypatch.setattr(check_system.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(check_system, "missing_libraries", lambda: ["libEGL.so.1"])

    status = check_system.main()

    assert (status, capsys.readouterr().err) == (
        0,
        "setup: expected these system libraries, got none: libEGL.so.1\n"
        "setup: pictures and point clouds need them; Debian and Ubuntu: "
        "sudo apt-get install -y --no-install-recommends libegl1\n",
    )


def test_root_on_debian_installs_what_is_missing(monkeypatch, tmp_path, capfd):
    """With the rights, the list is renewed and the packages are installed, asking nothing."""
    fake = tmp_path / "apt-get"
    fake.write_text('#!/bin/sh\necho "$DEBIAN_FRONTEND $*"\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(check_system.os, "geteuid", lambda: 0)
    answers = [["libEGL.so.1"], []]
    monkeypatch.setattr(check_system, "missing_libraries", lambda: answers.pop(0))

    status = check_system.main()

    assert (status, capfd.readouterr().out) == (
        0,
        "noninteractive update -q\nnoninteractive install -y --no-install-recommends libegl1\n",
    )
