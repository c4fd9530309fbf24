/* SPDX-License-Identifier: Apache-2.0 */
#include "valve_scheduler.h"

#include "safety.h"
#include "wheel.h"
#include "wire.h"

#define NOBODY ((pulse_index)-1)
#define U24_MASK 0xFFFFFFul
/* Fine positions are compared modulo 2^32: distances on the wire stay below this. */
#define FARTHEST_SUBCOUNTS ((int32_t)1 << 26)
#define SPRAY_SHIFT 6
#define PLANNED_AT_ONCE 4

struct waiting_pulse {
    uint32_t start; /* tick at which the coil goes on, or fine position on the ground */
    uint32_t end;   /* tick at which it goes off, or fine position on the ground */
    uint8_t by_distance;
};

struct finished_pulse {
    uint8_t open_tick[3];
    uint8_t on_ticks[3];
    uint8_t open_position[3];
    uint8_t run[3];
};

struct pulse {
    pulse_index next;
    uint16_t tag;
    uint8_t valve;
    uint8_t outcome;
    union {
        struct waiting_pulse waiting;
        struct finished_pulse finished;
    } of;
};

enum current_seen { CURRENT_UNSEEN, CURRENT_FLOWS, CURRENT_MISSING };

struct valve {
    pulse_index head; /* of those that wait */
    pulse_index tail;
    pulse_index current;
    bool planned;    /* the tick of the next edge is known */
    bool capped;     /* and it is the open-time cap's */
    bool moving;     /* it depends on the wheel, so look again in every slot */
    bool stale;      /* and the wheel's speed has been found anew */
    uint8_t current_seen;
    uint8_t duty_on;  /* slots of a period with the coil on; 0: always */
    uint8_t duty_period;
    uint8_t duty_phase;
    uint16_t pulse_number; /* counts up with every opening, never 0 while open */
    int32_t ahead_open; /* how far the wheel turns in the lead, fine */
    int32_t ahead_close;
    uint32_t edge_tick;
    uint32_t began_tick;
    uint32_t began_fine;
    uint32_t switch_fine;  /* the wheel's position at the next edge, if it moves */
    uint16_t sprayed_tick; /* spraying time is counted up to here, modulo 2^16 */
    uint16_t spray_time;   /* units of 64 ticks */
    struct valve_timing timing;
};

static struct pulse pulses[BOARD_QUEUE];
static struct valve valves[BOARD_VALVES];
static pulse_index free_head;
static pulse_index report_head;
static pulse_index report_tail;
static pulse_index report_cursor; /* the next that scheduler_report_next() gives */
static uint16_t report_count;
static uint16_t taken;
static uint16_t queued;
static uint16_t late;
static uint16_t rejected;
static volatile bool untidy;
static uint8_t no_current[MASK_BYTES];

static uint32_t max_open_ticks;
static uint32_t standstill_ticks;
static int32_t reach_subcounts;

/* Of the present call of the timer interrupt. */
static uint32_t here; /* fine position of the wheel */
static int32_t slot_reach; /* how far the wheel turns within a slot, fine */
static uint32_t soonest;   /* no planned edge is before this tick */

void scheduler_init(void)
{
    static const struct valve empty;
    uint8_t v;
    uint16_t i;

    for (i = 0; i < BOARD_QUEUE; i++)
        pulses[i].next = i + 1 < BOARD_QUEUE ? (pulse_index)(i + 1) : NOBODY;
    free_head = 0;
    report_head = report_tail = report_cursor = NOBODY;
    report_count = taken = queued = late = rejected = 0;
    untidy = false;
    soonest = hal_tick();
    for (v = 0; v < BOARD_VALVES; v++) {
        valves[v] = empty;
        valves[v].head = valves[v].tail = valves[v].current = NOBODY;
        scheduler_set_duty(v, BOARD_DUTY_ON_MS, BOARD_DUTY_PERIOD_MS);
    }
    for (v = 0; v < MASK_BYTES; v++)
        no_current[v] = 0;
    scheduler_set_limits(200, 200, 0);
}

void scheduler_set_limits(uint16_t max_open_ms, uint16_t standstill_ms, uint32_t reach)
{
    hal_lock();
    max_open_ticks = (uint32_t)max_open_ms * TICKS_PER_MS;
    standstill_ticks = (uint32_t)standstill_ms * TICKS_PER_MS;
    reach_subcounts = reach > (uint32_t)FARTHEST_SUBCOUNTS ? FARTHEST_SUBCOUNTS : (int32_t)reach;
    hal_unlock();
}

/* Ticks from the coil to the ground. Timer context, or while not armed. */
static uint32_t lead_of(const struct valve *valve, bool opening)
{
    const struct valve_timing *timing = &valve->timing;
    uint32_t lead_10us = (uint32_t)(opening ? timing->open_10us : timing->close_10us);

    return ((lead_10us + timing->fall_10us) * 5u) >> 1;
}

void scheduler_set_timing(uint8_t index, const struct valve_timing *timing)
{
    struct valve *valve = &valves[index];

    hal_lock();
    valve->timing = *timing;
    hal_unlock();
    scheduler_follow_wheel();
}

void scheduler_get_timing(uint8_t index, struct valve_timing *timing)
{
    *timing = valves[index].timing;
}

void scheduler_set_duty(uint8_t index, uint8_t on_ms, uint8_t period_ms)
{
    hal_lock();
    valves[index].duty_on = on_ms < period_ms ? on_ms : 0;
    valves[index].duty_period = period_ms;
    hal_unlock();
}

static bool same_timing(const struct valve_timing *a, const struct valve_timing *b)
{
    return a->open_10us == b->open_10us && a->close_10us == b->close_10us &&
           a->fall_10us == b->fall_10us;
}

void scheduler_follow_wheel(void)
{
    int32_t ahead_open = 0, ahead_close = 0;
    struct valve *valve = valves;
    uint8_t v;

    for (v = 0; v < BOARD_VALVES; v++, valve++) {
        /* Valves are mostly alike. */
        if (v == 0 || !same_timing(&valve->timing, &(valve - 1)->timing)) {
            ahead_open = wheel_ahead((uint16_t)(lead_of(valve, true) >> LEAD_SHIFT));
            ahead_close = wheel_ahead((uint16_t)(lead_of(valve, false) >> LEAD_SHIFT));
        }
        hal_lock();
        valve->ahead_open = ahead_open;
        valve->ahead_close = ahead_close;
        valve->stale = true;
        hal_unlock();
    }
}

/* The pool and the lists. All of these: timer context, or under lock. */

static void put_report(pulse_index index)
{
    pulses[index].next = NOBODY;
    if (report_tail == NOBODY)
        report_head = index;
    else
        pulses[report_tail].next = index;
    report_tail = index;
    if (report_cursor == NOBODY)
        report_cursor = index;
    report_count++;
}

static void never_opened(pulse_index index, enum outcome outcome)
{
    pulses[index].outcome = (uint8_t)outcome;
    if (outcome == OUTCOME_LATE && late != 0xFFFF)
        late++;
    else if (outcome >= OUTCOME_BAD_VALVE && rejected != 0xFFFF)
        rejected++;
    put_report(index);
}

static pulse_index pop_waiting(struct valve *valve)
{
    pulse_index index = valve->head;

    valve->head = pulses[index].next;
    if (valve->head == NOBODY)
        valve->tail = NOBODY;
    queued--;
    return index;
}

/* Opening and closing. Timer context, or under lock. */

static void count_spraying(struct valve *valve, uint32_t now)
{
    valve->spray_time += (uint16_t)((uint16_t)now - valve->sprayed_tick) >> SPRAY_SHIFT;
    valve->sprayed_tick = (uint16_t)now;
}

static void begin(struct valve *valve, uint32_t now)
{
    valve->current = pop_waiting(valve);
    valve->began_tick = now;
    valve->began_fine = here;
    valve->sprayed_tick = (uint16_t)now;
    valve->pulse_number = (uint16_t)(valve->pulse_number + 1);
    if (valve->pulse_number == 0)
        valve->pulse_number = 1;
    valve->planned = false;
}

static void put_u24_at(uint8_t *to, uint32_t value)
{
    put_u24(to, value & U24_MASK);
}

static void end(struct valve *valve, uint32_t now, enum outcome outcome)
{
    struct pulse *pulse = &pulses[valve->current];
    uint32_t on_ticks = now - valve->began_tick;
    int32_t began = wheel_subcounts(valve->began_fine);
    int32_t ended = wheel_subcounts(here);

    if (valve->current_seen == CURRENT_MISSING)
        outcome = OUTCOME_NO_CURRENT;
    valve->current_seen = CURRENT_UNSEEN;
    count_spraying(valve, now);
    put_u24_at(pulse->of.finished.open_tick, valve->began_tick);
    put_u24_at(pulse->of.finished.on_ticks, on_ticks > U24_MASK ? U24_MASK : on_ticks);
    put_u24_at(pulse->of.finished.open_position, (uint32_t)began);
    put_u24_at(pulse->of.finished.run, (uint32_t)(ended - began));
    pulse->outcome = (uint8_t)outcome;
    put_report(valve->current);
    valve->current = NOBODY;
    valve->planned = false;
}

static void open_valve(uint8_t index, uint32_t now)
{
    begin(&valves[index], now);
    valves[index].duty_phase = 0;
    hal_valve(index, true);
}

static void close_valve(uint8_t index, uint32_t now, enum outcome outcome)
{
    struct valve *valve = &valves[index];
    int32_t after = ((int32_t)lead_of(valve, false) - (int32_t)lead_of(valve, true)) / 64;

    hal_valve(index, false);
    end(valve, now, outcome);
    after += valve->spray_time;
    valve->spray_time = after > 0 ? (uint16_t)after : 0;
}

void scheduler_close_all(void)
{
    uint32_t now;
    uint8_t v;

    hal_all_off();
    now = hal_tick();
    wheel_sample(now);
    here = wheel_fine(now);
    for (v = 0; v < BOARD_VALVES; v++) {
        valves[v].planned = false;
        if (valves[v].current != NOBODY)
            close_valve(v, now, OUTCOME_CUT);
    }
    untidy = true;
}

/* When the next edge is. Timer context, or under lock. */

/*
 * Finds the tick at which the wheel will be `ahead` (as far as it turns in the valve's lead)
 * before `fine`; false where that is not within the slot that begins now. What is overdue gets a
 * tick in the past.
 */
static bool distance_edge(uint32_t fine, int32_t ahead, const struct valve *valve, bool opening,
                          uint32_t now, uint32_t *edge)
{
    int32_t left = (int32_t)(fine - here);

    if (!wheel_moves_forward()) {
        /* A standing wheel reaches nothing more, but may have passed it. */
        *edge = now - wheel_silence(now) - lead_of(valve, opening);
        return left <= 0 && wheel_stands();
    }
    left -= ahead;
    if (left > slot_reach)
        return false;
    if (left >= 0)
        *edge = now + wheel_ticks_for(left > 0xFFFFl ? 0xFFFFu : (uint16_t)left);
    else
        *edge = now - wheel_ticks_for(left < -0xFFFFl ? 0xFFFFu : (uint16_t)-left);
    return true;
}

static bool pulse_edge(const struct waiting_pulse *pulse, bool opening, const struct valve *valve,
                       uint32_t now, uint32_t *edge)
{
    uint32_t at = opening ? pulse->start : pulse->end;

    if (pulse->by_distance)
        return distance_edge(at, opening ? valve->ahead_open : valve->ahead_close, valve, opening,
                             now, edge);
    *edge = at;
    return true;
}

/* The moment, or place, on the ground. */
static uint32_t ground_start(const struct waiting_pulse *pulse, const struct valve *valve)
{
    return pulse->by_distance ? pulse->start : pulse->start + lead_of(valve, true);
}

static uint32_t ground_end(const struct waiting_pulse *pulse, const struct valve *valve)
{
    return pulse->by_distance ? pulse->end : pulse->end + lead_of(valve, false);
}

static bool opening_edge(const struct valve *valve, uint32_t now, uint32_t *edge)
{
    return valve->head != NOBODY &&
           pulse_edge(&pulses[valve->head].of.waiting, true, valve, now, edge);
}

static void plan_closing(struct valve *valve, uint32_t now)
{
    const struct waiting_pulse *pulse = &pulses[valve->current].of.waiting;
    uint32_t cap = valve->began_tick + max_open_ticks;
    uint32_t edge;

    valve->capped = !pulse_edge(pulse, false, valve, now, &edge) || is_before(cap, edge);
    valve->edge_tick = valve->capped ? cap : edge;
    valve->moving = pulse->by_distance;
    valve->switch_fine = pulse->end - (uint32_t)valve->ahead_close;
    valve->planned = true;
}

static void plan_opening(struct valve *valve, uint32_t now)
{
    const struct waiting_pulse *pulse;

    valve->planned = false;
    valve->moving = false;
    if (valve->head == NOBODY || safety_state() != STATE_ARMED || untidy)
        return;
    pulse = &pulses[valve->head].of.waiting;
    valve->planned = opening_edge(valve, now, &valve->edge_tick);
    valve->moving = pulse->by_distance;
    valve->switch_fine = pulse->start - (uint32_t)valve->ahead_open;
}

static void plan(struct valve *valve, uint32_t now)
{
    valve->stale = false;
    if (valve->current != NOBODY)
        plan_closing(valve, now);
    else
        plan_opening(valve, now);
    if (valve->planned && is_before(valve->edge_tick, soonest))
        soonest = valve->edge_tick;
}

static void open_or_drop(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];

    if ((int32_t)(now - valve->edge_tick) > (int32_t)LATE_TICKS)
        never_opened(pop_waiting(valve), OUTCOME_LATE);
    else
        open_valve(index, now);
}

/* Whether the next pulse takes over without the coil going off. */
static bool continues(const struct valve *valve, uint32_t now)
{
    const struct waiting_pulse *present = &pulses[valve->current].of.waiting;
    const struct waiting_pulse *next;
    uint32_t edge;

    if (valve->head == NOBODY)
        return false;
    next = &pulses[valve->head].of.waiting;
    if (ground_start(next, valve) == ground_end(present, valve))
        return true;
    return opening_edge(valve, now, &edge) && !is_before(now, edge);
}

static void close_or_continue(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];

    if (!valve->capped && continues(valve, now)) {
        enum current_seen seen = (enum current_seen)valve->current_seen;

        end(valve, now, OUTCOME_DONE);
        begin(valve, now);
        valve->current_seen = (uint8_t)seen;
    } else {
        close_valve(index, now, valve->capped ? OUTCOME_CAPPED : OUTCOME_DONE);
    }
}

static void run_valve(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];

    /* Several edges of one valve may lie within one slot. */
    do {
        if (valve->current != NOBODY)
            close_or_continue(index, now);
        else
            open_or_drop(index, now);
        plan(valve, now);
    } while (valve->planned && !is_before(now, valve->edge_tick));
}

static void stop_at_standstill(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];

    if (standstill_ticks == 0 || !pulses[valve->current].of.waiting.by_distance)
        return;
    if (wheel_silence(now) > standstill_ticks && now - valve->began_tick > standstill_ticks)
        close_valve(index, now, OUTCOME_STANDSTILL);
}

static void modulate(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];

    if (!is_before(now, valve->edge_tick))
        return;
    valve->duty_phase++;
    if (valve->duty_phase == valve->duty_on) {
        hal_valve(index, false);
    } else if (valve->duty_phase >= valve->duty_period) {
        valve->duty_phase = 0;
        /* Not for the last millisecond of a pulse. */
        if (is_before(now + SLOT_TICKS, valve->edge_tick))
            hal_valve(index, true);
    }
}

/* Whether the present plan of a valve still holds. */
static bool holds(const struct valve *valve)
{
    if (!valve->moving)
        return valve->planned;
    return !valve->stale && (int32_t)(valve->switch_fine - here) > slot_reach;
}

/* Switches what is due. */
static void switch_due(uint32_t now)
{
    const struct valve *valve = valves;
    uint32_t next = now + SLOT_TICKS;
    uint8_t v;

    wheel_sample(now);
    here = wheel_fine(now);
    for (v = 0; v < BOARD_VALVES; v++, valve++) {
        if (!valve->planned)
            continue;
        if (!is_before(now, valve->edge_tick))
            run_valve(v, now);
        if (valve->planned && is_before(valve->edge_tick, next))
            next = valve->edge_tick;
    }
    soonest = next;
}

/* Plans the slot that begins; what comes due meanwhile is not kept waiting. */
static void look_ahead(uint32_t now)
{
    struct valve *valve = valves;
    uint8_t v;

    here = wheel_fine(now);
    slot_reach = wheel_fine_in(SLOT_TICKS + SLOT_TICKS / 2);
    for (v = 0; v < BOARD_VALVES; v++, valve++)
        if (valve->duty_on != 0 && valve->current != NOBODY)
            modulate(v, now);
    for (v = 0, valve = valves; v < BOARD_VALVES; v++, valve++) {
        if (v % PLANNED_AT_ONCE == PLANNED_AT_ONCE - 1) {
            uint32_t later = hal_tick();

            if (!is_before(later, soonest)) {
                now = later;
                switch_due(now);
            }
        }
        if (valve->current != NOBODY)
            stop_at_standstill(v, now);
        else if (valve->head == NOBODY)
            continue;
        if (!holds(valve))
            plan(valve, now);
    }
}

uint32_t scheduler_run(uint32_t now, bool new_slot)
{
    if (new_slot)
        look_ahead(now);
    now = hal_tick();
    if (!is_before(now, soonest))
        switch_due(now);
    return soonest;
}

/* Taking pulses. Main loop. */

static enum outcome check_time(const struct pulse_command *command, const struct valve *valve,
                               bool follows, uint32_t now)
{
    uint32_t opens = command->start - lead_of(valve, true);

    if (is_before(opens, now + MIN_LEAD_TICKS) && !follows)
        return OUTCOME_LATE;
    if ((int32_t)(command->start - now) > (int32_t)(HORIZON_MS * (uint32_t)TICKS_PER_MS))
        return OUTCOME_TOO_FAR;
    return OUTCOME_DONE;
}

/* Under lock: the wheel turns. */
static enum outcome check_distance(const struct pulse_command *command, const struct valve *valve,
                                   bool follows, uint32_t now)
{
    int32_t left = (int32_t)(command->start - (uint32_t)wheel_subcounts(wheel_fine(now)));

    if (left > FARTHEST_SUBCOUNTS)
        return OUTCOME_TOO_FAR;
    if (left < -FARTHEST_SUBCOUNTS)
        return OUTCOME_LATE;
    if (!follows && wheel_moves_forward()) {
        int32_t soon = valve->ahead_open + wheel_fine_in(MIN_LEAD_TICKS);

        if (left * FINE_PER_SUBCOUNT < soon)
            return OUTCOME_LATE;
    } else if (!follows && left <= 0 && wheel_stands()) {
        return OUTCOME_LATE;
    }
    return left > reach_subcounts ? OUTCOME_TOO_FAR : OUTCOME_DONE;
}

/* Under lock. The outcome is OUTCOME_DONE where the pulse can be taken. */
static enum outcome check(const struct pulse_command *command, uint32_t now)
{
    const struct valve *valve;
    pulse_index last;
    uint32_t start;
    bool follows = false;

    if (safety_state() != STATE_ARMED)
        return OUTCOME_NOT_ARMED;
    if (command->valve >= BOARD_VALVES)
        return OUTCOME_BAD_VALVE;
    if (command->length == 0)
        return OUTCOME_EMPTY;
    if (command->by_distance && !(BOARD_CAPABILITIES & HAS_ENCODER))
        return OUTCOME_NO_ENCODER;
    if (!command->by_distance && command->length > max_open_ticks)
        return OUTCOME_TOO_LONG;
    valve = &valves[command->valve];
    start = command->by_distance ? command->start * FINE_PER_SUBCOUNT : command->start;
    last = valve->tail != NOBODY ? valve->tail : valve->current;
    if (last != NOBODY) {
        const struct waiting_pulse *before = &pulses[last].of.waiting;
        uint32_t ends = ground_end(before, valve);

        if (before->by_distance != command->by_distance || is_before(start, ends))
            return OUTCOME_OVERLAP;
        follows = start == ends;
    }
    return command->by_distance ? check_distance(command, valve, follows, now)
                                : check_time(command, valve, follows, now);
}

static void append(pulse_index index, const struct pulse_command *command)
{
    struct valve *valve = &valves[command->valve];
    struct waiting_pulse *pulse = &pulses[index].of.waiting;
    uint32_t end = command->start + command->length;

    pulse->by_distance = command->by_distance;
    if (command->by_distance) {
        pulse->start = command->start * FINE_PER_SUBCOUNT;
        pulse->end = end * FINE_PER_SUBCOUNT;
    } else {
        pulse->start = command->start - lead_of(valve, true);
        pulse->end = end - lead_of(valve, false);
    }
    pulses[index].next = NOBODY;
    if (valve->tail == NOBODY)
        valve->head = index;
    else
        pulses[valve->tail].next = index;
    valve->tail = index;
    queued++;
}

void scheduler_add(const struct pulse_command *command, uint32_t now)
{
    enum outcome outcome;
    pulse_index index;

    hal_lock();
    index = free_head;
    free_head = pulses[index].next;
    taken++;
    pulses[index].tag = command->tag;
    pulses[index].valve = command->valve;
    outcome = check(command, now);
    if (outcome == OUTCOME_DONE)
        append(index, command);
    else
        never_opened(index, outcome);
    hal_unlock();
}

void scheduler_flush(void)
{
    uint8_t v;

    for (v = 0; v < BOARD_VALVES; v++) {
        while (valves[v].head != NOBODY) {
            /* One at a time, so that edges are not held up. */
            hal_lock();
            if (valves[v].head != NOBODY) {
                if (valves[v].current == NOBODY)
                    valves[v].planned = false;
                never_opened(pop_waiting(&valves[v]), OUTCOME_FLUSHED);
            }
            hal_unlock();
        }
    }
}

void scheduler_tidy(void)
{
    if (!untidy)
        return;
    scheduler_flush();
    untidy = false;
}

/* What is seen of it. Main loop. */

void scheduler_note_current(uint8_t index, uint16_t pulse_number, bool flows)
{
    struct valve *valve = &valves[index];
    uint8_t bit = (uint8_t)(1u << (index & 7u));

    hal_lock();
    if (valve->current != NOBODY && valve->pulse_number == pulse_number)
        valve->current_seen = flows ? CURRENT_FLOWS : CURRENT_MISSING;
    hal_unlock();
    if (flows)
        no_current[index >> 3] &= (uint8_t)~bit;
    else
        no_current[index >> 3] |= bit;
}

/* Whether the coil is on since `ticks` in the present period of a PWM valve; else always. */
static bool coil_is_on(const struct valve *valve, uint16_t ticks)
{
    return valve->duty_on == 0 ||
           (valve->duty_phase < valve->duty_on && valve->duty_phase > ticks / SLOT_TICKS);
}

uint16_t scheduler_open_since(uint8_t index, uint32_t now, uint16_t ticks)
{
    const struct valve *valve = &valves[index];
    uint16_t number = 0;

    hal_lock();
    if (valve->current != NOBODY && (int32_t)(now - valve->began_tick) > (int32_t)ticks &&
        coil_is_on(valve, ticks))
        number = valve->pulse_number;
    hal_unlock();
    return number;
}

uint16_t scheduler_take_spray_time(uint8_t index, uint32_t now)
{
    struct valve *valve = &valves[index];
    uint32_t time;

    hal_lock();
    if (valve->current != NOBODY && !is_before(now, valve->began_tick))
        count_spraying(valve, now);
    time = valve->spray_time;
    valve->spray_time = 0;
    hal_unlock();
    if (valve->duty_on != 0)
        time = time * valve->duty_on / valve->duty_period;
    return (uint16_t)time;
}

static uint16_t read_counter(const uint16_t *counter)
{
    uint16_t value;

    hal_lock();
    value = *counter;
    hal_unlock();
    return value;
}

uint16_t scheduler_queued(void)
{
    return read_counter(&queued);
}

uint16_t scheduler_free(void)
{
    return (uint16_t)(BOARD_QUEUE - taken);
}

uint16_t scheduler_late(void)
{
    return read_counter(&late);
}

uint16_t scheduler_rejected(void)
{
    return read_counter(&rejected);
}

void scheduler_open_mask(uint8_t *mask)
{
    uint8_t v;

    for (v = 0; v < MASK_BYTES; v++)
        mask[v] = 0;
    for (v = 0; v < BOARD_VALVES; v++)
        if (valves[v].current != NOBODY)
            mask[v >> 3] |= (uint8_t)(1u << (v & 7u));
}

void scheduler_no_current_mask(uint8_t *mask)
{
    uint8_t i;

    for (i = 0; i < MASK_BYTES; i++)
        mask[i] = no_current[i];
}

uint16_t scheduler_reports(void)
{
    return read_counter(&report_count);
}

void scheduler_report_rewind(void)
{
    hal_lock();
    report_cursor = report_head;
    hal_unlock();
}

bool scheduler_report_next(struct pulse_report *report)
{
    const struct pulse *pulse;
    pulse_index index;

    hal_lock();
    index = report_cursor;
    if (index != NOBODY)
        report_cursor = pulses[index].next;
    hal_unlock();
    if (index == NOBODY)
        return false;
    pulse = &pulses[index];
    report->tag = pulse->tag;
    report->valve = pulse->valve;
    report->outcome = pulse->outcome;
    report->open_tick = get_u24(pulse->of.finished.open_tick);
    report->on_ticks = get_u24(pulse->of.finished.on_ticks);
    report->open_position = get_u24(pulse->of.finished.open_position);
    report->run = get_u24(pulse->of.finished.run);
    return true;
}

void scheduler_drop_reports(uint16_t number)
{
    while (number--) {
        pulse_index index;

        hal_lock();
        index = report_head;
        report_head = pulses[index].next;
        if (report_head == NOBODY)
            report_tail = NOBODY;
        if (report_cursor == index)
            report_cursor = report_head;
        report_count--;
        hal_unlock();
        pulses[index].next = free_head;
        free_head = index;
        taken--;
    }
}
