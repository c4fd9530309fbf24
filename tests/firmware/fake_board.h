/* SPDX-License-Identifier: Apache-2.0 */
/* The core's board in the tests: virtual time, everything seen and set from outside. */
#ifndef AGRISEG_TEST_FAKE_BOARD_H
#define AGRISEG_TEST_FAKE_BOARD_H

#ifndef BOARD_VALVES
#define BOARD_VALVES 16
#endif
#ifndef BOARD_QUEUE
#define BOARD_QUEUE 108
#endif
#define BOARD_NAME "AgriSeg test board"
#define BOARD_CAPABILITIES \
    (HAS_ENCODER | HAS_PRESSURE | HAS_FLOW | HAS_COIL_CURRENT | HAS_STROBE | HAS_MASTER_VALVE | \
     HAS_ESTOP_INPUT)
#define BOARD_RX_BYTES 240
#define BOARD_MAX_OPEN_MS 10000
#define BOARD_FLOW_UL_PER_PULSE 200u
#define BOARD_PRESSURE_ZERO_MV 500u
#define BOARD_PRESSURE_TENTHS_KPA_PER_V 2500u
#define BOARD_COIL_MIN_MV 500u
#define BOARD_DUTY_ON_MS 100
#define BOARD_DUTY_PERIOD_MS 100

#endif
