"""Ports are named, told apart, and their permissions explained, without opening any."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from agriseg.serial_ports import (
    Membership,
    SerialPort,
    describe_port,
    install_commands,
    list_serial_ports,
    permission_help,
    port_names,
    udev_rule,
)


@dataclass
class Described:
    device: str
    description: str = "n/a"
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None


def mega(device: str) -> Described:
    return Described(device, "Arduino Mega 2560", vid=0x2341, pid=0x42, serial_number="7573")


def test_a_usb_port_has_a_name_an_identity_and_a_path_that_stays(tmp_path: Path) -> None:
    device = tmp_path / "ttyACM3"
    device.touch()
    links = tmp_path / "by-id"
    links.mkdir()
    (links / "usb-Arduino_Mega_7573-if00").symlink_to(device)
    (links / "usb-other-if00").symlink_to(tmp_path / "ttyUSB0")
    port = describe_port(mega(str(device)), links)
    assert (port.name, port.usb_id, port.serial_number) == (
        "Arduino Mega 2560",
        "2341:0042",
        "7573",
    )
    assert port.path == str(links / "usb-Arduino_Mega_7573-if00")
    assert port.answers_to(port.path)
    assert port.answers_to(str(device))
    assert not port.answers_to(str(links / "usb-other-if00"))


def test_a_port_without_a_lasting_name_is_opened_by_its_device(tmp_path: Path) -> None:
    port = describe_port(Described("COM3"), tmp_path / "there-is-no-such-folder")
    assert (port.path, port.name, port.usb_id) == ("COM3", "COM3", "")


def test_ports_know_whether_this_user_may_open_them(tmp_path: Path) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    assert describe_port(mega(str(device))).permitted
    if os.geteuid() != 0:  # root may open everything
        device.chmod(0)
        assert not describe_port(mega(str(device))).permitted


def test_the_ports_of_this_computer_can_be_listed() -> None:
    ports = list_serial_ports()
    assert len({port.device for port in ports}) == len(ports)
    on_usb = [port.vid is not None for port in ports]
    assert on_usb == sorted(on_usb, reverse=True)


def test_permission_is_mended_by_joining_the_group_or_by_a_new_login() -> None:
    outside = Membership(by_database=frozenset({"users"}), by_session=frozenset({"users"}))
    text = permission_help("dialout", outside)
    assert text == "sudo usermod -a -G dialout $USER, then log out and in again"
    joined = Membership(by_database=frozenset({"dialout"}), by_session=frozenset({"users"}))
    assert "usermod" not in permission_help("dialout", joined)
    assert "log out and in again" in permission_help("dialout", joined)


def test_a_udev_rule_names_the_device_and_how_to_install_it(tmp_path: Path) -> None:
    port = describe_port(mega("/dev/ttyACM0"))
    (rule,) = [line for line in udev_rule(port).splitlines() if not line.startswith("#")]
    keys = dict(part.split("==") for part in rule.split(", ") if "==" in part)
    assert keys == {
        "SUBSYSTEM": '"tty"',
        "ATTRS{idVendor}": '"2341"',
        "ATTRS{idProduct}": '"0042"',
    }
    assert 'TAG+="uaccess"' in rule
    commands = install_commands(tmp_path / "my rules" / "70.rules")
    assert f"'{tmp_path}/my rules/70.rules' /etc/udev/rules.d/" in commands
    assert "udevadm control --reload" in commands


def test_no_rule_is_made_for_a_port_that_nothing_tells_apart() -> None:
    port = SerialPort(device="/dev/ttyS0", description="n/a", permitted=False, group="dialout")
    with pytest.raises(ValueError, match="/dev/ttyS0 is not a USB device"):
        udev_rule(port)


def test_ports_in_one_line() -> None:
    ports = [
        describe_port(mega("/dev/ttyACM0")),
        SerialPort(device="/dev/ttyS0", description="n/a", permitted=True, group="dialout"),
    ]
    assert port_names(ports) == "/dev/ttyACM0 (Arduino Mega 2560); /dev/ttyS0"
