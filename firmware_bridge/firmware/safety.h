/* SPDX-License-Identifier: Apache-2.0 */
/* SAFE, ARMED, ESTOP; the heartbeat and its deadman. */
#ifndef AGRISEG_SAFETY_H
#define AGRISEG_SAFETY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

void safety_init(enum cause cause);

/* Any context. */
enum state safety_state(void);
enum cause safety_cause(void);

/* True once after every change of state. Main loop. */
bool safety_changed(void);

/* Deadman and emergency stop input. Timer interrupt. */
void safety_run(uint32_t now);
/* Whether the wheel turns where the machine moves. Timer interrupt, after reading the encoder. */
void safety_check_wheel(uint32_t now);

/* The emergency stop input's interrupt: outputs are off when this returns. */
void safety_estop_interrupt(void);

/* Main loop. */
/* The speed over ground, in mm/s, by something else than the wheel. */
void safety_ground(uint16_t mm_s, uint32_t now);
void safety_beat(uint8_t alive, uint32_t now);
void safety_forget_beat(void);
bool safety_has_beat(void);
void safety_arm(void);
void safety_leave_armed(enum cause cause);
void safety_disarm(void);
void safety_estop(enum cause cause);
enum result safety_clear(void);

#endif
