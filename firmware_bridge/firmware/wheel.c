/* SPDX-License-Identifier: Apache-2.0 */
#include "wheel.h"

#include "fixed_point.h"
#include "hal.h"
#include "wire.h"

#define FINE_PER_COUNT 256
#define WINDOW_TICKS (20u * TICKS_PER_MS)
#define STANDSTILL_TICKS (250u * TICKS_PER_MS)
#define PERIOD_TICKS (8u * TICKS_PER_MS)
#define KEEP_TICKS (8u * TICKS_PER_MS)
#define HISTORY 32u
/* The newest edge is kept from ageing out of the clock's half range. */
#define LONG_AGO_TICKS 0x40000000l
/* One count in the time after which the wheel stands, fine per tick in Q16. */
#define SLOWEST_Q16 ((int32_t)(FINE_PER_COUNT * 65536l / STANDSTILL_TICKS))
#define SPEED_CHANGE_LIMIT_Q16 ((int32_t)1 << 18)

struct edge {
    uint32_t tick;
    uint32_t fine;
};

/* Owned by the timer interrupt. */
static uint16_t raw_count;
static uint32_t count;
static struct edge newest;
static bool forward;
static bool reversed;

/* Written by the main loop under lock, read by the timer interrupt. */
static int32_t speed_q16;    /* fine per tick */
static uint32_t inverse_q16; /* ticks per fine */
static bool moves_forward;

/* Owned by the main loop. */
static struct edge history[HISTORY];
static uint8_t history_length;
static uint8_t history_head;
static struct edge last;
static int32_t edge_speed_q16;
static int32_t acceleration_q32; /* fine per (8 ticks)^2 */
static uint32_t due;

static void forget(void)
{
    history_length = 0;
    history_head = 0;
    edge_speed_q16 = 0;
    acceleration_q32 = 0;
}

void wheel_init(uint32_t now)
{
    struct wheel_reading reading;

    hal_wheel(&reading);
    raw_count = reading.count;
    count = 0;
    newest.tick = now - STANDSTILL_TICKS - 1;
    newest.fine = 0;
    forward = true;
    reversed = false;
    speed_q16 = 0;
    inverse_q16 = 0;
    moves_forward = false;
    last = newest;
    due = now;
    forget();
}

void wheel_sample(uint32_t now)
{
    struct wheel_reading reading;
    int16_t passed;

    hal_wheel(&reading);
    passed = (int16_t)(reading.count - raw_count);
    if (passed == 0) {
        if ((int32_t)(now - newest.tick) > LONG_AGO_TICKS)
            newest.tick = now - LONG_AGO_TICKS;
        return;
    }
    raw_count = reading.count;
    count += (uint32_t)(int32_t)passed;
    if ((passed > 0) != forward)
        reversed = true;
    forward = passed > 0;
    newest.tick = reading.tick;
    newest.fine = (forward ? count : count + 1) * FINE_PER_COUNT;
}

uint32_t wheel_fine(uint32_t now)
{
    uint32_t dt = now - newest.tick;
    int32_t moved;

    if ((int32_t)dt <= 0)
        return newest.fine;
    if (dt > STANDSTILL_TICKS)
        return newest.fine;
    moved = mul_q16(speed_q16, (uint16_t)dt);
    if (moved > FINE_PER_COUNT)
        moved = FINE_PER_COUNT;
    else if (moved < -FINE_PER_COUNT)
        moved = -FINE_PER_COUNT;
    return newest.fine + (uint32_t)moved;
}

int32_t wheel_subcounts(uint32_t fine)
{
    int32_t off = (int32_t)(fine - count * FINE_PER_COUNT);

    return (int32_t)(count * SUBCOUNTS + (uint32_t)(off >> 4));
}

uint32_t wheel_silence(uint32_t now)
{
    uint32_t dt = now - newest.tick;

    return (int32_t)dt < 0 ? 0 : dt;
}

bool wheel_moves_forward(void)
{
    return moves_forward;
}

bool wheel_stands(void)
{
    return speed_q16 > -SLOWEST_Q16 && speed_q16 < SLOWEST_Q16;
}

uint32_t wheel_ticks_for(uint16_t fine)
{
    return mul_q16_saturated(inverse_q16, fine);
}

int32_t wheel_fine_in(uint16_t ticks)
{
    return mul_q16(speed_q16, ticks);
}

/* Slope in Q16 of two edges that lie at most STANDSTILL_TICKS apart. */
static int32_t slope_q16(const struct edge *from, const struct edge *to)
{
    uint16_t dt = (uint16_t)(to->tick - from->tick);
    int32_t moved = (int32_t)(to->fine - from->fine);
    uint32_t distance = (uint32_t)(moved < 0 ? -moved : moved);
    uint32_t whole = distance / dt;
    uint32_t rest = distance % dt;
    uint32_t slope = whole > 0x3FF ? 0x3FFFFFFul : (whole << 16) + (rest << 16) / dt;

    return moved < 0 ? -(int32_t)slope : (int32_t)slope;
}

/*
 * The newest kept edge at or before `tick`, else the oldest usable one; usable edges are older
 * than `from` by at most STANDSTILL_TICKS.
 */
static const struct edge *edge_before(const struct edge *from, uint32_t tick)
{
    const struct edge *found = 0;
    uint8_t i;

    for (i = 0; i < history_length; i++) {
        const struct edge *edge = &history[(uint8_t)(history_head - 1 - i) % HISTORY];

        if (!is_before(edge->tick, from->tick))
            continue;
        if (last.tick - edge->tick > STANDSTILL_TICKS)
            break;
        found = edge;
        if (!is_before(tick, edge->tick))
            break;
    }
    return found;
}

static void estimate_at_edge(void)
{
    const struct edge *first = edge_before(&last, last.tick - WINDOW_TICKS);
    const struct edge *second;
    int32_t near_q16, change;

    if (first == 0) {
        edge_speed_q16 = 0;
        acceleration_q32 = 0;
        return;
    }
    near_q16 = slope_q16(first, &last);
    second = edge_before(first, first->tick - WINDOW_TICKS);
    if (second == 0) {
        edge_speed_q16 = near_q16;
        acceleration_q32 = 0;
        return;
    }
    change = near_q16 - slope_q16(second, first);
    if (change > SPEED_CHANGE_LIMIT_Q16)
        change = SPEED_CHANGE_LIMIT_Q16;
    else if (change < -SPEED_CHANGE_LIMIT_Q16)
        change = -SPEED_CHANGE_LIMIT_Q16;
    /* 2 * change / (t0 - t2), in Q28 per tick^2 before, Q32 per (8 ticks)^2 after. */
    acceleration_q32 = change * 4096 / (int32_t)(last.tick - second->tick) * 2048;
    /* Half the acceleration over the first window leads from its mean to its end. */
    edge_speed_q16 = near_q16 + mul_q16(acceleration_q32, (uint16_t)((last.tick - first->tick) >> 4)) / 8;
}

static void keep_edge(void)
{
    const struct edge *kept = &history[(uint8_t)(history_head - 1) % HISTORY];

    if (history_length != 0 && last.tick - kept->tick < KEEP_TICKS)
        return;
    history[history_head] = last;
    history_head = (uint8_t)(history_head + 1) % HISTORY;
    if (history_length < HISTORY)
        history_length++;
}

/* No edge came since the last estimate: the wheel cannot have turned by more than a count. */
static void hold(uint32_t silence)
{
    int32_t most_q16;

    if (silence > STANDSTILL_TICKS) {
        forget();
        return;
    }
    most_q16 = (int32_t)((uint32_t)FINE_PER_COUNT * 65536ul / (silence + 1));
    if (edge_speed_q16 > most_q16) {
        edge_speed_q16 = most_q16;
        acceleration_q32 = 0;
    } else if (edge_speed_q16 < -most_q16) {
        edge_speed_q16 = -most_q16;
        acceleration_q32 = 0;
    }
}

static void publish(uint32_t silence)
{
    /* As it will be in the middle of the time until the next estimate. */
    uint16_t lead = (uint16_t)((silence + PERIOD_TICKS / 2) >> LEAD_SHIFT);
    int32_t speed = edge_speed_q16;
    uint32_t inverse = 0;
    bool moving;

    if (speed != 0 && silence <= STANDSTILL_TICKS)
        speed += mul_q16(acceleration_q32, lead) / 8;
    if ((speed ^ edge_speed_q16) < 0)
        speed = 0;
    moving = speed >= SLOWEST_Q16;
    if (moving)
        inverse = 0xFFFFFFFFul / (uint32_t)speed;
    hal_lock();
    speed_q16 = speed;
    inverse_q16 = inverse;
    moves_forward = moving;
    hal_unlock();
}

bool wheel_estimate(uint32_t now)
{
    struct edge edge;
    uint32_t silence;
    bool turned, stale;

    if (is_before(now, due))
        return false;
    due = now + PERIOD_TICKS;
    hal_lock();
    wheel_sample(now);
    edge = newest;
    turned = reversed;
    reversed = false;
    silence = wheel_silence(now);
    hal_unlock();
    if (turned)
        forget();
    stale = edge.tick == last.tick && edge.fine == last.fine;
    if (stale) {
        hold(silence);
    } else {
        last = edge;
        estimate_at_edge();
        keep_edge();
    }
    publish(silence);
    return true;
}

int32_t wheel_ahead(uint16_t lead)
{
    int32_t change_q16 = mul_q16(acceleration_q32, lead); /* fine per 8 ticks */
    int32_t speed_8_q16;

    if (!moves_forward)
        return 0;
    speed_8_q16 = speed_q16 * (1 << LEAD_SHIFT);
    return mul_q16(speed_8_q16 + change_q16 / 2, lead);
}

int32_t wheel_speed(void)
{
    /* fine per tick in Q16, times 250000 ticks/s, by 16 fine a subcount. */
    return mul_q16(speed_q16, (uint16_t)(TICK_HZ / FINE_PER_SUBCOUNT));
}
