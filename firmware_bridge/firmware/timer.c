/* SPDX-License-Identifier: Apache-2.0 */
#include "timer.h"

#include "hal.h"
#include "safety.h"
#include "valve_scheduler.h"
#include "wheel.h"
#include "wire.h"

static uint32_t next_slot;

void timer_init(uint32_t now)
{
    next_slot = now;
}

uint32_t timer_run(uint32_t now)
{
    bool new_slot = !is_before(now, next_slot);
    uint32_t next;

    safety_run(now);
    if (new_slot) {
        wheel_sample(now);
        safety_check_wheel(now);
        next_slot += SLOT_TICKS;
        if (!is_before(now, next_slot))
            next_slot = now + SLOT_TICKS;
    }
    next = scheduler_run(now, new_slot);
    return is_before(next, next_slot) ? next : next_slot;
}
