/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arduino Mega 2560 and boards like it: ATmega2560 at 16 MHz.
 *
 *   valve 0..7     PA0..PA7   pins 22..29
 *   valve 8..15    PC7..PC0   pins 30..37
 *   master valve   PL0        pin 49     pump          PL1   pin 48
 *   wheel A        PE4 INT4   pin 2      wheel B       PE3   pin 5
 *   E-stop         PE5 INT5   pin 3      normally closed to ground, pulled up: open is pressed
 *   strobe         PD2 INT2   pin 19     rising edge
 *   flow meter     PD3 INT3   pin 18     rising edge
 *   pressure       ADC0       A0         0.5 to 4.5 V, 0 to 1 MPa
 *   coil current   ADC1       A1         behind a 16 to 1 multiplexer
 *   its address    PL4..PL7   pins 45..42
 *   host           USART0     the USB port, 500 kbaud
 *
 * Every output is high while on. Until the firmware runs all pins are inputs: the drivers need
 * pull-downs.
 */
#ifndef AGRISEG_BOARD_MEGA2560_H
#define AGRISEG_BOARD_MEGA2560_H

#define BOARD_NAME "AgriSeg Mega 2560"
#define BOARD_VALVES 16
#define BOARD_QUEUE 108
#define BOARD_CAPABILITIES \
    (HAS_ENCODER | HAS_PRESSURE | HAS_FLOW | HAS_COIL_CURRENT | HAS_STROBE | HAS_MASTER_VALVE | \
     HAS_ESTOP_INPUT)
/* Unacknowledged commands that the receive buffer of 256 holds beside heartbeats and the like. */
#define BOARD_RX_BYTES 200
#define BOARD_MAX_OPEN_MS 10000u
#define BOARD_BAUD 500000ul

/* One pulse of the flow meter. */
#define BOARD_FLOW_UL_PER_PULSE 200u
#define BOARD_PRESSURE_ZERO_MV 500u
#define BOARD_PRESSURE_TENTHS_KPA_PER_V 2500u
/* A coil that draws less has no current. */
#define BOARD_COIL_MIN_MV 500u

/* PWM valves: the coil is on for so long in each period of an opening; equal: all the time. */
#ifndef BOARD_DUTY_ON_MS
#define BOARD_DUTY_ON_MS 100
#define BOARD_DUTY_PERIOD_MS 100
#endif

#endif
