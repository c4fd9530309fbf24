/* SPDX-License-Identifier: Apache-2.0 */
/* The controller as a whole: a board calls these two and the timer interrupt timer_run(). */
#ifndef AGRISEG_CONTROLLER_H
#define AGRISEG_CONTROLLER_H

#include <stdint.h>

#include "protocol.h"

#define FIRMWARE_MAJOR 0
#define FIRMWARE_MINOR 1
#define FIRMWARE_PATCH 0

/* Before interrupts are on. `boot` is another number after every start, never 0. */
void controller_init(uint16_t boot, enum cause cause);

/* One round of the main loop; never waits. */
void controller_poll(void);

#endif
