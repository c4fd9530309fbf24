/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Position and speed of the wheel from tick-stamped encoder edges.
 *
 * "Fine" positions are 1/256 of a count, modulo 2^32. Speed and acceleration come from divided
 * differences over two windows of 20 ms, longer where edges are rare; between edges the
 * position is carried on, never by more than one count.
 */
#ifndef AGRISEG_WHEEL_H
#define AGRISEG_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define FINE_PER_SUBCOUNT 16
#define LEAD_SHIFT 3 /* leads are counted in units of 8 ticks */

void wheel_init(uint32_t now);

/* Reads the encoder. Timer context, or under lock. */
void wheel_sample(uint32_t now);

/* Fine position now, from the newest sample. Timer context, or under lock. */
uint32_t wheel_fine(uint32_t now);

/* Position on the wire for a fine position close to now. Timer context, or under lock. */
int32_t wheel_subcounts(uint32_t fine);

/* Ticks since the newest edge. Timer context, or under lock. */
uint32_t wheel_silence(uint32_t now);

/* Whether the wheel turns forward fast enough to say when it will be where. Any context. */
bool wheel_moves_forward(void);

/* Whether the wheel stands. Any context. */
bool wheel_stands(void);

/* Ticks that the wheel needs for a fine distance at the present speed; timer or lock. */
uint32_t wheel_ticks_for(uint16_t fine);

/* Fine distance in some ticks at the present speed; timer context, or under lock. */
int32_t wheel_fine_in(uint16_t ticks);

/* Estimates anew where it is time; returns whether it did. Main loop. */
bool wheel_estimate(uint32_t now);

/* Fine distance during a lead of `lead` * 8 ticks, with the acceleration. Main loop. */
int32_t wheel_ahead(uint16_t lead);

/* Subcounts per second. Main loop. */
int32_t wheel_speed(void);

#endif
