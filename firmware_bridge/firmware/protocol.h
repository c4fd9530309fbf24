/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of the controller protocol; PROTOCOL.md says what they mean. */
#ifndef AGRISEG_PROTOCOL_H
#define AGRISEG_PROTOCOL_H

#define PROTOCOL_VERSION 1
#define SCHEMA_HASH 0xCB6F

#define MAX_FRAME 128 /* type, sequence number, payload, checksum */
#define MAX_ENCODED (MAX_FRAME + 1)
#define MAX_WIRE (MAX_ENCODED + 1) /* with the delimiter */
#define RESULTS_IN_ACK 8
#define MAX_PULSES 12
#define MAX_REPORTS 7
#define MAX_VALVES_IN_FRAME 18
#define MAX_DUTIES 64
#define MAX_RUNS 32
#define PULSE_BYTES 9
#define REPORT_BYTES 16
#define VALVE_BYTES 6
#define ROWS_HEAD_BYTES 11
#define UNKNOWN_GROUND 0xFFFFu
#define HELLO_REPLY_BYTES 40 /* without the name */
#define STATUS_BYTES 44      /* without the masks */
#define NOT_MEASURED_U16 0xFFFFu
#define NOT_MEASURED_U32 0xFFFFFFFFul
#define SUBCOUNTS 16 /* positions on the wire are sixteenths of an encoder count */

enum host_frame {
    HELLO = 0x01,
    TIME = 0x02,
    BEAT = 0x03,
    ESTOP = 0x04,
    REPORT_ACK = 0x05,
    READ_VALVES = 0x06,
    ARM = 0x10,
    DISARM = 0x11,
    CLEAR = 0x12,
    FLUSH = 0x13,
    CONFIG_LIMITS = 0x14,
    CONFIG_VALVES = 0x15,
    PULSES_TIME = 0x16,
    PULSES_DISTANCE = 0x17,
    CONFIG_PWM = 0x18,
    ROWS_DISTANCE = 0x19,
};

#define FIRST_SEQUENCED 0x10
#define LAST_SEQUENCED 0x7F

enum controller_frame {
    HELLO_REPLY = 0x81,
    TIME_REPLY = 0x82,
    ACK = 0x83,
    STATUS = 0x84,
    ODOMETRY = 0x85,
    PULSE_REPORTS = 0x86,
    VALVES = 0x87,
    STROBE = 0x88,
};

enum state { STATE_SAFE = 0, STATE_ARMED = 1, STATE_ESTOP = 2 };

enum alive { ALIVE_APPLICATION = 1, ALIVE_CAMERA = 2, ALIVE_MODEL = 4, ALIVE_PLANNER = 8 };
#define ALIVE_ALL 15

enum capability {
    HAS_ENCODER = 1,
    HAS_PRESSURE = 2,
    HAS_FLOW = 4,
    HAS_TANK = 8,
    HAS_COIL_CURRENT = 16,
    HAS_STROBE = 32,
    HAS_MASTER_VALVE = 64,
    HAS_ESTOP_INPUT = 128,
    IS_SIMULATED = 256,
    HAS_PWM = 512,
    HAS_ROWS = 1024,
    HAS_SPEED_CHECK = 2048,
};

enum status_flag {
    FLAG_ESTOP_PRESSED = 1,
    FLAG_FLOW_SHORT = 2,
    FLAG_LEAK = 4,
    FLAG_TANK_EMPTY = 8,
};

enum result {
    RESULT_OK = 0,
    RESULT_UNKNOWN_TYPE = 1,
    RESULT_BAD_LENGTH = 2,
    RESULT_WRONG_STATE = 3,
    RESULT_QUEUE_FULL = 4,
    RESULT_NO_BEAT = 5,
    RESULT_ESTOP_PRESSED = 6,
    RESULT_ESTOP_LATCHED = 7,
    RESULT_WRONG_BOOT = 8,
    RESULT_BAD_VALUE = 9,
    RESULT_CLOCK_NOT_CONVERGED = 10,
    RESULT_LEAK = 11,
    RESULT_NONE = 255,
};

enum ack_flag { ACK_GAP = 1 };

/* What became of a pulse: below OUTCOME_LATE the coil was switched on. */
enum outcome {
    OUTCOME_DONE = 0x00,
    OUTCOME_CAPPED = 0x01,
    OUTCOME_CUT = 0x02,
    OUTCOME_STANDSTILL = 0x03,
    OUTCOME_NO_CURRENT = 0x04,
    OUTCOME_LATE = 0x10,
    OUTCOME_FLUSHED = 0x11,
    OUTCOME_BAD_VALVE = 0x20,
    OUTCOME_TOO_FAR = 0x21,
    OUTCOME_TOO_LONG = 0x22,
    OUTCOME_OVERLAP = 0x23,
    OUTCOME_NOT_ARMED = 0x25,
    OUTCOME_EMPTY = 0x26,
    OUTCOME_NO_ENCODER = 0x27,
};

enum cause {
    CAUSE_NONE = 0,
    CAUSE_BOOT = 1,
    CAUSE_DEADMAN = 2,
    CAUSE_NO_APPLICATION = 3,
    CAUSE_NO_CAMERA = 4,
    CAUSE_NO_MODEL = 5,
    CAUSE_NO_PLANNER = 6,
    CAUSE_COMMAND = 7,
    CAUSE_NEW_SESSION = 8,
    CAUSE_ESTOP_COMMAND = 9,
    CAUSE_ESTOP_INPUT = 10,
    CAUSE_WATCHDOG = 11,
    CAUSE_BROWN_OUT = 12,
    CAUSE_ENCODER = 13,
    CAUSE_WRONG_SESSION = 14,
    CAUSE_LEAK = 15,
    CAUSE_CLEARED = 16,
};

#endif
