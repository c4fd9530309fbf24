/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pulses from their command to the acknowledgement of their report.
 *
 * A fixed pool holds them. Each valve has a queue in the order of its pulses; the timer
 * interrupt opens and closes, at the tick where it can be known and at the wheel's position
 * otherwise; what is finished stands in one list of reports until the host has it.
 */
#ifndef AGRISEG_VALVE_SCHEDULER_H
#define AGRISEG_VALVE_SCHEDULER_H

#include <stdbool.h>
#include <stdint.h>

#include "hal.h"
#include "protocol.h"

#define MIN_LEAD_TICKS (1u * TICKS_PER_MS)
#define LATE_TICKS (5u * TICKS_PER_MS)
#define HORIZON_MS 4000u
#define SLOT_TICKS (1u * TICKS_PER_MS)
#define MASK_BYTES ((BOARD_VALVES + 7) / 8)

#if BOARD_QUEUE < 255
typedef uint8_t pulse_index;
#else
typedef uint16_t pulse_index;
#endif

struct pulse_command {
    uint16_t tag;
    uint8_t valve;
    bool by_distance;
    uint32_t start; /* tick, or subcounts */
    uint32_t length;
};

/* What a report says of a pulse. */
struct pulse_report {
    uint16_t tag;
    uint8_t valve;
    uint8_t outcome;
    uint32_t open_tick;     /* modulo 2^24 */
    uint32_t on_ticks;      /* at most 2^24 - 1 */
    uint32_t open_position; /* modulo 2^24 */
    uint32_t run;           /* modulo 2^24 */
};

struct valve_timing {
    uint16_t open_10us;
    uint16_t close_10us;
    uint16_t fall_10us;
};

void scheduler_init(void);

/* Main loop; while no valve is armed. */
void scheduler_set_limits(uint16_t max_open_ms, uint16_t standstill_ms, uint32_t reach);
void scheduler_set_timing(uint8_t valve, const struct valve_timing *timing);
void scheduler_get_timing(uint8_t valve, struct valve_timing *timing);
/* A PWM valve: on for so long in each period while its pulse lasts; all the time if not shorter. */
void scheduler_set_duty(uint8_t valve, uint8_t on_ms, uint8_t period_ms);

/* Takes a pulse; one that is refused goes to the reports. Main loop; needs a free place. */
void scheduler_add(const struct pulse_command *command, uint32_t now);

/* Forgets what has not begun. Main loop. */
void scheduler_flush(void);

/* Keeps up what depends on the wheel's speed. Main loop, after every new estimate. */
void scheduler_follow_wheel(void);

/* Finishes what close_all left. Main loop. */
void scheduler_tidy(void);

/* All outputs off, nothing opens until armed again. Timer interrupt, or under lock. */
void scheduler_close_all(void);

/* Switches what is due; returns the tick at which to call again. Timer interrupt. */
uint32_t scheduler_run(uint32_t now, bool new_slot);

/* What the coil current says of an open valve. Main loop. */
void scheduler_note_current(uint8_t valve, uint16_t pulse_number, bool flows);
/* Number of the pulse that has its coil on since at least `ticks`; 0 if none has. */
uint16_t scheduler_open_since(uint8_t valve, uint32_t now, uint16_t ticks);

/* Spraying time of a valve since the last call, in units of 64 ticks. Main loop. */
uint16_t scheduler_take_spray_time(uint8_t valve, uint32_t now);

/* Main loop. */
uint16_t scheduler_queued(void);
uint16_t scheduler_free(void);
uint16_t scheduler_late(void);
uint16_t scheduler_rejected(void);
void scheduler_open_mask(uint8_t *mask);
void scheduler_no_current_mask(uint8_t *mask);

/* Reports: [0, count) from the oldest. Main loop. */
uint16_t scheduler_reports(void);
void scheduler_report_rewind(void);
bool scheduler_report_next(struct pulse_report *report);
void scheduler_drop_reports(uint16_t number);

#endif
