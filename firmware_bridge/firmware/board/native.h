/* SPDX-License-Identifier: Apache-2.0 */
/* The controller as a process of this computer, in real time, on a pseudo-terminal. */
#ifndef AGRISEG_BOARD_NATIVE_H
#define AGRISEG_BOARD_NATIVE_H

#define BOARD_NAME "AgriSeg native"
#ifndef BOARD_VALVES
#define BOARD_VALVES 64
#endif
#define BOARD_QUEUE 1000
#define BOARD_CAPABILITIES (HAS_ENCODER | HAS_PRESSURE | HAS_FLOW | HAS_MASTER_VALVE | IS_SIMULATED)
#define BOARD_RX_BYTES 2048
#define BOARD_MAX_OPEN_MS 10000u
#define BOARD_FLOW_UL_PER_PULSE 200u
#define BOARD_PRESSURE_ZERO_MV 500u
#define BOARD_PRESSURE_TENTHS_KPA_PER_V 2500u
#define BOARD_COIL_MIN_MV 500u
#define BOARD_DUTY_ON_MS 100
#define BOARD_DUTY_PERIOD_MS 100

#endif
