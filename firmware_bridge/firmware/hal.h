/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a board gives to the core.
 *
 * Two contexts run the core: the main loop calls controller_poll(); the timer interrupt calls
 * timer_run(). A board keeps timer_run() from running between hal_lock() and hal_unlock() and
 * makes up for it at once afterwards.
 */
#ifndef AGRISEG_HAL_H
#define AGRISEG_HAL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

#include BOARD_HEADER

#define TICK_HZ 250000ul
#define TICKS_PER_MS 250u

struct wheel_reading {
    uint16_t count; /* rising edges forward less those backward, modulo 2^16 */
    uint32_t tick;  /* of the newest edge */
};

struct strobe_reading {
    uint16_t number; /* of exposures since the start, this one not counted */
    uint32_t tick;
    uint16_t count; /* of the wheel at that moment */
};

/* The clock: 250 kHz, wraps at 32 bits. Any context. */
uint32_t hal_tick(void);
void hal_lock(void);
void hal_unlock(void);

/* Outputs; any context. hal_all_off() also shuts master valve and pump. */
void hal_valve(uint8_t valve, bool on);
void hal_master(bool on);
void hal_all_off(void);

/* Inputs; any context. */
void hal_wheel(struct wheel_reading *reading);
bool hal_estop_pressed(void);

/* Inputs; main loop. Analog values are in millivolts; false while the converter is busy. */
uint16_t hal_flow_pulses(void);
bool hal_strobe(struct strobe_reading *reading); /* the newest exposure; true once for it */
bool hal_pressure_mv(uint16_t *millivolts);
bool hal_coil_mv(uint8_t valve, uint16_t *millivolts); /* call again until true */

/* The serial port; main loop. */
bool hal_receive(uint8_t *byte);
uint32_t hal_delimiter_tick(void); /* when the zero that hal_receive() just gave came in */
uint16_t hal_send_room(void);
uint32_t hal_send_tick(void); /* when the next byte handed to hal_send() will leave */
void hal_send(const uint8_t *data, uint8_t length);

#endif
