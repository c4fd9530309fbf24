/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AGRISEG_TIMER_H
#define AGRISEG_TIMER_H

#include <stdint.h>

void timer_init(uint32_t now);

/* The timer interrupt's work; returns the tick at which to call again, at most 1 ms on. */
uint32_t timer_run(uint32_t now);

#endif
