"""What both ends of the protocol must agree on: its limits and the bytes of every frame.

`PROTOCOL.md` is the definition.
"""

from __future__ import annotations

from binascii import crc_hqx

PROTOCOL_VERSION = 1
MAGIC = b"AgSp"
DELIMITER = b"\x00"
MAX_FRAME = 128
"""Bytes of a frame before stuffing: type, seq, payload, checksum."""
MAX_ENCODED = MAX_FRAME + 1
MAX_PAYLOAD = MAX_FRAME - 4
SUBCOUNTS = 16
"""Positions on the wire are sixteenths of an encoder count."""
RESULTS_IN_ACK = 8
MAX_PULSES = 12
MAX_REPORTS = 7
MAX_VALVES_IN_FRAME = 18
MAX_DUTIES = 64
MAX_RUNS = 32
"""Most runs, that is pulses, in a frame of rows."""
MAX_ROW_BYTES = MAX_PAYLOAD - 11
UNKNOWN_GROUND = 0xFFFF
"""Ground speed of a host that does not know it."""
MAX_NAME = 32
NOT_MEASURED_U16 = 0xFFFF
NOT_MEASURED_U32 = 0xFFFF_FFFF

SCHEMA = """\
AgSp 1
01 HELLO magic:4 protocol:u8 schema:u16 session:u32
02 TIME stamp:u32 zero:8
03 BEAT session:u32 alive:u8 report_next:u16 ground_mm_s:u16
04 ESTOP
05 REPORT_ACK report_next:u16
06 READ_VALVES first:u8
10 ARM boot:u16 clock_error_us:u16
11 DISARM
12 CLEAR
13 FLUSH
14 CONFIG_LIMITS max_open_ms:u16 standstill_ms:u16 odometry_ms:u8 status_ms:u8 reach:u32 \
nozzle_ml_min:u16 nominal_kpa:u16
15 CONFIG_VALVES first:u8 n:u8 n*(open:u16 close:u16 fall:u16)
16 PULSES_TIME base:u32 n:u8 n*(valve:u8 tag:u16 offset:u24 length:u24)
17 PULSES_DISTANCE base:i32 n:u8 n*(valve:u8 tag:u16 offset:u24 length:u24)
18 CONFIG_PWM period_ms:u8 first:u8 n:u8 n*(duty_percent:u8)
19 ROWS_DISTANCE base:i32 tag:u16 step:u16 first:u8 valves:u8 rows:u8 bits:rows*((valves+7)/8)
81 HELLO_REPLY magic:4 protocol:u8 schema:u16 session:u32 boot:u16 tick_hz:u32 valves:u16 \
queue:u16 window:u8 rx_bytes:u16 capabilities:u32 max_open_ms:u16 min_lead_us:u16 \
horizon_ms:u16 late_us:u16 firmware:3*u8 length:u8 name:length
82 TIME_REPLY stamp:u32 rx_tick:u32 tx_tick:u32
83 ACK expected:u8 flags:u8 free:u16 results:8*u8
84 STATUS session:u32 boot:u16 state:u8 cause:u8 flags:u8 tick:u32 position:i32 speed:i32 \
queued:u16 pressure:u16 flow:u32 tank:u32 volume:u32 late:u16 rejected:u16 bad_frames:u16 \
n:u8 open:n faults:n
85 ODOMETRY tick:u32 position:i32 speed:i32
86 PULSE_REPORTS index:u16 tick:u32 position:i32 n:u8 \
n*(tag:u16 valve:u8 outcome:u8 open:i24 on:u24 at:i24 run:i24)
87 VALVES first:u8 n:u8 n*(open:u16 close:u16 fall:u16)
88 STROBE number:u16 tick:u32 position:i32
"""
"""Every byte of every frame; its checksum starts the checksum of all but the two hellos."""

SCHEMA_HASH = crc_hqx(SCHEMA.encode("ascii"), 0xFFFF)
UNSEEDED_TYPES = frozenset({0x01, 0x81})
SEQUENCED_TYPES = range(0x10, 0x80)
