/* SPDX-License-Identifier: Apache-2.0 */
#include "supervision.h"

#include "hal.h"
#include "protocol.h"
#include "safety.h"
#include "valve_scheduler.h"
#include "wire.h"

/*
 * Flow is judged over windows of so many expected meter pulses that counting is no matter. A
 * valve is faulty when liquid was missing in each of several windows in which it should have
 * sprayed; a window in which the volume was right clears all that took a good part in it.
 */
#define WINDOW_PULSES 16u
#define WINDOW_TICKS (2000ul * TICKS_PER_MS)
#define IDLE_WINDOW_TICKS (250ul * TICKS_PER_MS)
#define STEP_TICKS (50ul * TICKS_PER_MS)
#define FLOW_TICKS (500ul * TICKS_PER_MS)
#define SUSPECT_WINDOWS 8u
#define EXCESS_WINDOWS 3u
#define IDLE_EXCESS_WINDOWS 2u
#define IDLE_PULSES 2u
/* The coil's current has risen by then. */
#define COIL_RISE_TICKS (8u * TICKS_PER_MS)
#define Q8 256u
#define NOZZLE_LIMIT_ML_MIN 50000u
#define FLOW_LIMIT_Q24 0xFFFFFul

static uint16_t flow_seen;
static uint32_t flow_per_unit_q24; /* meter pulses of one nozzle in 64 ticks, nominal pressure */
static uint16_t nominal_kpa;
static uint32_t spray_units[BOARD_VALVES];
static uint8_t suspect[BOARD_VALVES];
static uint32_t measured;
static uint32_t root_sum; /* of sqrt(pressure / nominal) in Q8, over the window's steps */
static uint16_t root_steps;
static uint32_t window_start;
static uint32_t step_due;
static uint8_t excess_windows;
static bool settled; /* an idle window has passed since the last spraying */
static bool leak;
static bool short_of_flow;

static uint16_t pressure_tenths;
static uint32_t volume_ul;
static uint32_t flow_ml_min;
static uint32_t flow_start;
static uint32_t flow_pulses;

static uint8_t coil_valve;
static uint16_t coil_pulse;

static void new_window(uint32_t now)
{
    uint8_t v;

    for (v = 0; v < BOARD_VALVES; v++)
        spray_units[v] = 0;
    measured = 0;
    root_sum = 0;
    root_steps = 0;
    window_start = now;
}

void supervision_init(uint32_t now)
{
    uint8_t v;

    for (v = 0; v < BOARD_VALVES; v++)
        suspect[v] = 0;
    flow_seen = hal_flow_pulses();
    flow_per_unit_q24 = 0;
    nominal_kpa = 0;
    step_due = now;
    excess_windows = 0;
    settled = false;
    leak = false;
    short_of_flow = false;
    pressure_tenths = NOT_MEASURED_U16;
    volume_ul = 0;
    flow_ml_min = 0;
    flow_start = now;
    flow_pulses = 0;
    coil_valve = 0;
    coil_pulse = 0;
    new_window(now);
}

void supervision_set_nozzles(uint16_t nozzle_ml_min, uint16_t kpa)
{
    /*
     * ml/min * 1000 / (60 s * 250000 ticks/s) * 64 ticks / (ul a pulse), in Q24:
     * 64000 / 15000000 * 2^24 = 71583 to one part in a million.
     */
    if (nozzle_ml_min > NOZZLE_LIMIT_ML_MIN)
        nozzle_ml_min = NOZZLE_LIMIT_ML_MIN;
    flow_per_unit_q24 = (uint32_t)nozzle_ml_min * 71583ul / BOARD_FLOW_UL_PER_PULSE;
    if (flow_per_unit_q24 > FLOW_LIMIT_Q24)
        flow_per_unit_q24 = FLOW_LIMIT_Q24;
    nominal_kpa = kpa;
}

static uint16_t square_root(uint32_t value)
{
    uint32_t root = 0, bit = 1ul << 30;

    while (bit > value)
        bit >>= 2;
    for (; bit != 0; bit >>= 2) {
        if (value >= root + bit) {
            value -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint16_t)root;
}

/* Nozzles are orifices: flow goes with the root of the pressure. */
static uint16_t root_of_pressure_q8(void)
{
    uint32_t ratio;

    if (nominal_kpa == 0 || pressure_tenths == NOT_MEASURED_U16)
        return Q8;
    ratio = (uint32_t)pressure_tenths * 6554u / nominal_kpa; /* Q16 */
    return square_root(ratio);
}

/* Meter pulses in Q8 that a faultless valve would have let through. */
static uint32_t expected_q8(uint8_t valve, uint16_t root_q8)
{
    uint32_t units = spray_units[valve];
    uint32_t pulses_q8;

    if (units > 0xFFFF)
        units = 0xFFFF;
    pulses_q8 = units * (flow_per_unit_q24 >> 4) >> 12;
    return (pulses_q8 >> 4) * root_q8 >> 4;
}

static void judge_valves(uint32_t total, uint32_t found, uint32_t tolerance, uint16_t root_q8)
{
    uint8_t v;

    short_of_flow = total > found + tolerance;
    for (v = 0; v < BOARD_VALVES; v++) {
        uint32_t part = expected_q8(v, root_q8);

        if (short_of_flow && part > tolerance / 2) {
            if (suspect[v] < SUSPECT_WINDOWS)
                suspect[v]++;
        } else if (!short_of_flow && part > tolerance + tolerance / 2) {
            suspect[v] = 0;
        }
    }
}

static void judge_excess(bool excess, uint8_t limit)
{
    if (!excess) {
        excess_windows = 0;
    } else if (++excess_windows >= limit) {
        excess_windows = limit;
        leak = true;
        safety_leave_armed(CAUSE_LEAK);
    }
}

static void judge_spraying(uint32_t total, uint16_t root_q8)
{
    uint32_t found = measured * Q8;
    uint32_t tolerance = total / 8 + total / 32; /* 16 % */

    if (tolerance < 5 * Q8 / 2)
        tolerance = 5 * Q8 / 2;
    judge_valves(total, found, tolerance, root_q8);
    judge_excess(found > total + 2 * tolerance, EXCESS_WINDOWS);
    settled = false;
}

static void judge_idle(void)
{
    if (settled) {
        judge_excess(measured >= IDLE_PULSES, IDLE_EXCESS_WINDOWS);
        if (measured < IDLE_PULSES)
            leak = false;
    }
    settled = true;
}

static void judge(uint32_t now)
{
    uint16_t root_q8 = root_steps ? (uint16_t)(root_sum / root_steps) : Q8;
    uint32_t total = 0;
    uint32_t age = now - window_start;
    bool idle = true;
    uint8_t v;

    for (v = 0; v < BOARD_VALVES; v++) {
        total += expected_q8(v, root_q8);
        idle = idle && spray_units[v] == 0;
    }
    if (idle && age >= IDLE_WINDOW_TICKS) {
        judge_idle();
        new_window(now);
    } else if (!idle && (total >= WINDOW_PULSES * Q8 || age >= WINDOW_TICKS)) {
        judge_spraying(total, root_q8);
        new_window(now);
    }
}

static void count_flow(uint32_t now)
{
    uint16_t reading = hal_flow_pulses();
    uint16_t passed = (uint16_t)(reading - flow_seen);
    uint32_t age = now - flow_start;

    flow_seen = reading;
    measured += passed;
    flow_pulses += passed;
    if (volume_ul < NOT_MEASURED_U32 - 0x10000ul * BOARD_FLOW_UL_PER_PULSE)
        volume_ul += (uint32_t)passed * BOARD_FLOW_UL_PER_PULSE;
    if (age >= FLOW_TICKS) {
        uint32_t ul = flow_pulses * BOARD_FLOW_UL_PER_PULSE;

        flow_ml_min = ul / (age / TICKS_PER_MS) * 60u;
        flow_pulses = 0;
        flow_start = now;
    }
}

static void measure_pressure(void)
{
    uint16_t millivolts;
    uint32_t tenths;

    if (!hal_pressure_mv(&millivolts))
        return;
    if (millivolts < BOARD_PRESSURE_ZERO_MV)
        millivolts = BOARD_PRESSURE_ZERO_MV;
    tenths = (uint32_t)(millivolts - BOARD_PRESSURE_ZERO_MV) * BOARD_PRESSURE_TENTHS_KPA_PER_V / 1000u;
    pressure_tenths = tenths >= NOT_MEASURED_U16 ? NOT_MEASURED_U16 - 1 : (uint16_t)tenths;
}

static void step(uint32_t now)
{
    uint8_t v;

    measure_pressure();
    count_flow(now);
    root_sum += root_of_pressure_q8();
    root_steps++;
    for (v = 0; v < BOARD_VALVES; v++)
        spray_units[v] += scheduler_take_spray_time(v, now);
    if (flow_per_unit_q24 != 0)
        judge(now);
}

/* One valve after the other, each once in a pulse. */
static void watch_coils(uint32_t now)
{
    uint16_t number = scheduler_open_since(coil_valve, now, COIL_RISE_TICKS);
    uint16_t millivolts;

    if (coil_pulse == 0)
        coil_pulse = number;
    if (coil_pulse != 0 && number == coil_pulse) {
        if (!hal_coil_mv(coil_valve, &millivolts))
            return;
        if (scheduler_open_since(coil_valve, now, COIL_RISE_TICKS) == number)
            scheduler_note_current(coil_valve, number, millivolts >= BOARD_COIL_MIN_MV);
    }
    coil_pulse = 0;
    coil_valve = (uint8_t)((coil_valve + 1) % BOARD_VALVES);
}

void supervision_run(uint32_t now)
{
    if (BOARD_CAPABILITIES & HAS_COIL_CURRENT)
        watch_coils(now);
    if (!is_before(now, step_due)) {
        step_due = now + STEP_TICKS;
        step(now);
    }
}

bool supervision_leak(void)
{
    return leak;
}

bool supervision_flow_short(void)
{
    return short_of_flow;
}

uint16_t supervision_pressure(void)
{
    return BOARD_CAPABILITIES & HAS_PRESSURE ? pressure_tenths : NOT_MEASURED_U16;
}

uint32_t supervision_flow(void)
{
    return BOARD_CAPABILITIES & HAS_FLOW ? flow_ml_min : NOT_MEASURED_U32;
}

uint32_t supervision_volume(void)
{
    return BOARD_CAPABILITIES & HAS_FLOW ? volume_ul : NOT_MEASURED_U32;
}

void supervision_fault_mask(uint8_t *mask)
{
    uint8_t v;

    scheduler_no_current_mask(mask);
    for (v = 0; v < BOARD_VALVES; v++)
        if (suspect[v] >= SUSPECT_WINDOWS)
            mask[v >> 3] |= (uint8_t)(1u << (v & 7u));
}
