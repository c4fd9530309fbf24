/* SPDX-License-Identifier: Apache-2.0 */
#include "safety.h"

#include "hal.h"
#include "valve_scheduler.h"
#include "wheel.h"

#define DEADMAN_TICKS (250u * TICKS_PER_MS)
#define MOVING_MM_S 300u
#define WHEEL_SILENCE_TICKS (200u * TICKS_PER_MS)

static volatile uint8_t state;
static volatile uint8_t cause;
static volatile bool changed;
static volatile bool beat_fresh;
static volatile bool input_tripped; /* set by the input's interrupt */
static uint32_t beat_tick;
static bool ground_moves;
static uint32_t moving_since;

void safety_init(enum cause boot_cause)
{
    bool pressed = hal_estop_pressed();

    state = pressed ? STATE_ESTOP : STATE_SAFE;
    cause = pressed ? CAUSE_ESTOP_INPUT : boot_cause;
    changed = false;
    beat_fresh = false;
    input_tripped = false;
    beat_tick = 0;
    ground_moves = false;
    moving_since = 0;
    hal_all_off();
}

enum state safety_state(void)
{
    return (enum state)state;
}

enum cause safety_cause(void)
{
    return (enum cause)cause;
}

bool safety_changed(void)
{
    bool was = changed;

    changed = false;
    return was;
}

/* Outputs off first, then the book-keeping. Timer context, or under lock. */
static void enter(enum state new_state, enum cause new_cause)
{
    if (new_state != STATE_ARMED)
        scheduler_close_all();
    state = (uint8_t)new_state;
    cause = (uint8_t)new_cause;
    changed = true;
}

void safety_run(uint32_t now)
{
    if (beat_fresh && now - beat_tick > DEADMAN_TICKS)
        beat_fresh = false;
    if ((input_tripped || hal_estop_pressed()) && state != STATE_ESTOP)
        enter(STATE_ESTOP, CAUSE_ESTOP_INPUT);
    input_tripped = false;
    if (state == STATE_ARMED && !beat_fresh)
        enter(STATE_SAFE, CAUSE_DEADMAN);
}

void safety_check_wheel(uint32_t now)
{
    if (state != STATE_ARMED || !ground_moves)
        return;
    if (now - moving_since > WHEEL_SILENCE_TICKS && wheel_silence(now) > WHEEL_SILENCE_TICKS)
        enter(STATE_SAFE, CAUSE_ENCODER);
}

void safety_ground(uint16_t mm_s, uint32_t now)
{
    bool moves = (BOARD_CAPABILITIES & HAS_ENCODER) && mm_s > MOVING_MM_S && mm_s != UNKNOWN_GROUND;

    hal_lock();
    if (moves && !ground_moves)
        moving_since = now;
    ground_moves = moves;
    hal_unlock();
}

void safety_estop_interrupt(void)
{
    hal_all_off();
    input_tripped = true;
}

void safety_beat(uint8_t alive, uint32_t now)
{
    static const uint8_t causes[] = {
        CAUSE_NO_APPLICATION, CAUSE_NO_CAMERA, CAUSE_NO_MODEL, CAUSE_NO_PLANNER};
    uint8_t i;

    if ((alive & ALIVE_ALL) == ALIVE_ALL) {
        hal_lock();
        beat_tick = now;
        beat_fresh = true;
        hal_unlock();
        return;
    }
    beat_fresh = false;
    for (i = 0; alive & 1u; i++)
        alive >>= 1;
    safety_leave_armed((enum cause)causes[i]);
}

void safety_forget_beat(void)
{
    beat_fresh = false;
    ground_moves = false;
}

bool safety_has_beat(void)
{
    return beat_fresh;
}

void safety_arm(void)
{
    hal_lock();
    if (state == STATE_SAFE && beat_fresh && !input_tripped) {
        enter(STATE_ARMED, CAUSE_NONE);
        hal_master(true);
    }
    hal_unlock();
}

void safety_leave_armed(enum cause why)
{
    hal_lock();
    if (state == STATE_ARMED)
        enter(STATE_SAFE, why);
    hal_unlock();
}

void safety_disarm(void)
{
    hal_lock();
    if (state == STATE_ESTOP)
        scheduler_close_all();
    else
        enter(STATE_SAFE, CAUSE_COMMAND);
    hal_unlock();
}

void safety_estop(enum cause why)
{
    hal_lock();
    if (state == STATE_ESTOP)
        scheduler_close_all();
    else
        enter(STATE_ESTOP, why);
    hal_unlock();
}

enum result safety_clear(void)
{
    enum result result = RESULT_OK;

    hal_lock();
    if (state == STATE_ESTOP) {
        if (hal_estop_pressed() || input_tripped)
            result = RESULT_ESTOP_PRESSED;
        else
            enter(STATE_SAFE, CAUSE_CLEARED);
    }
    hal_unlock();
    return result;
}
