/* SPDX-License-Identifier: Apache-2.0 */
#include "controller.h"

#include <stdbool.h>

#include "framing.h"
#include "hal.h"
#include "safety.h"
#include "supervision.h"
#include "telemetry.h"
#include "timer.h"
#include "valve_scheduler.h"
#include "wheel.h"
#include "wire.h"

#define MIN_TIME_EXCHANGES 8
#define MAX_CLOCK_ERROR_US 2000u
#define MIN_ODOMETRY_MS 5
#define MIN_STATUS_MS 20
#define MIN_PERIOD_MS 20
#define MAX_PERIOD_MS 100
#define HELLO_BYTES 11
/* Bytes taken in one round, so that the rest of the round is never far away. */
#define BYTES_PER_ROUND 128

static struct frame_reader reader;

static void start_session(uint32_t session, uint32_t now)
{
    uint8_t i;

    safety_forget_beat();
    scheduler_tidy();
    scheduler_flush();
    scheduler_drop_reports(scheduler_reports());
    controller_link.session = session;
    controller_link.expected = 0;
    for (i = 0; i < RESULTS_IN_ACK; i++)
        controller_link.results[i] = RESULT_NONE;
    controller_link.report_index = 0;
    controller_link.reports_sent = 0;
    controller_link.time_exchanges = 0;
    telemetry_new_session(now);
}

void controller_init(uint16_t boot, enum cause cause)
{
    uint32_t now = hal_tick();

    frame_reader_init(&reader);
    wheel_init(now);
    scheduler_init();
    safety_init(cause);
    supervision_init(now);
    timer_init(now);
    controller_link.boot = boot;
    controller_link.bad_frames = 0;
    telemetry_init(now);
    start_session(0, now);
}

/* Frames without sequence. Each returns whether the frame is what its type says. */

static bool take_hello(const struct frame *frame, uint32_t now)
{
    const uint8_t *from = frame->payload;
    uint32_t session;
    bool fits;

    if (frame->length != HELLO_BYTES || from[0] != 'A' || from[1] != 'g' || from[2] != 'S' ||
        from[3] != 'p')
        return false;
    fits = from[4] == PROTOCOL_VERSION && get_u16(from + 5) == SCHEMA_HASH;
    session = get_u32(from + 7);
    if (fits && session != 0 && session != controller_link.session) {
        safety_leave_armed(CAUSE_NEW_SESSION);
        start_session(session, now);
    }
    telemetry_hello(session);
    return true;
}

static void take_report_ack(uint16_t next, uint32_t now)
{
    uint16_t done = (uint16_t)(next - controller_link.report_index);

    if (done == 0 || done > controller_link.reports_sent)
        return;
    scheduler_drop_reports(done);
    controller_link.report_index = next;
    controller_link.reports_sent -= done;
    telemetry_reports_taken(now);
}

static void take_beat(const uint8_t *from, uint32_t now)
{
    if (controller_link.session == 0 || get_u32(from) != controller_link.session) {
        safety_leave_armed(CAUSE_WRONG_SESSION);
        return;
    }
    take_report_ack(get_u16(from + 5), now);
    safety_ground(get_u16(from + 7), now);
    safety_beat(from[4], now);
}

static void take_time(const uint8_t *from)
{
    if (controller_link.time_exchanges < 0xFF)
        controller_link.time_exchanges++;
    telemetry_time(get_u32(from), hal_delimiter_tick());
}

static bool has_length(const struct frame *frame)
{
    switch (frame->type) {
    case TIME:
        return frame->length == 12;
    case BEAT:
        return frame->length == 9;
    case ESTOP:
        return frame->length == 0;
    case REPORT_ACK:
        return frame->length == 2;
    case READ_VALVES:
        return frame->length == 1;
    default:
        return false;
    }
}

static bool take_unsequenced(const struct frame *frame, uint32_t now)
{
    const uint8_t *from = frame->payload;

    if (frame->type == HELLO)
        return take_hello(frame, now);
    if (!has_length(frame))
        return false;
    if (frame->type == ESTOP)
        safety_estop(CAUSE_ESTOP_COMMAND);
    else if (frame->type == BEAT)
        take_beat(from, now);
    else if (controller_link.session == 0)
        return true;
    else if (frame->type == TIME)
        take_time(from);
    else if (frame->type == REPORT_ACK)
        take_report_ack(get_u16(from), now);
    else if (from[0] < BOARD_VALVES)
        telemetry_valves(from[0]);
    return true;
}

/* Commands. Each returns the result that the acknowledgement carries. */

static enum result arm(const uint8_t *from)
{
    if (safety_state() == STATE_ESTOP)
        return RESULT_ESTOP_LATCHED;
    if (get_u16(from) != controller_link.boot)
        return RESULT_WRONG_BOOT;
    if (!safety_has_beat())
        return RESULT_NO_BEAT;
    if (get_u16(from + 2) > MAX_CLOCK_ERROR_US ||
        controller_link.time_exchanges < MIN_TIME_EXCHANGES)
        return RESULT_CLOCK_NOT_CONVERGED;
    if (supervision_leak())
        return RESULT_LEAK;
    scheduler_tidy();
    safety_arm();
    return RESULT_OK;
}

static enum result configure_limits(const uint8_t *from)
{
    uint16_t max_open_ms = get_u16(from);
    uint8_t odometry_ms = from[4], status_ms = from[5];

    if (safety_state() == STATE_ARMED)
        return RESULT_WRONG_STATE;
    if (max_open_ms == 0 || max_open_ms > BOARD_MAX_OPEN_MS)
        return RESULT_BAD_VALUE;
    if (odometry_ms < MIN_ODOMETRY_MS || status_ms < MIN_STATUS_MS)
        return RESULT_BAD_VALUE;
    scheduler_set_limits(max_open_ms, get_u16(from + 2), get_u32(from + 6));
    telemetry_set_periods(odometry_ms, status_ms);
    supervision_set_nozzles(get_u16(from + 10), get_u16(from + 12));
    return RESULT_OK;
}

/* Whether the last byte of the head, the number of items, fits the length. */
static bool has_items(const struct frame *frame, uint8_t head, uint8_t item, uint8_t most)
{
    uint8_t n;

    if (frame->length < head)
        return false;
    n = frame->payload[head - 1];
    return n >= 1 && n <= most && frame->length == head + n * item;
}

static enum result configure_valves(const struct frame *frame)
{
    const uint8_t *from = frame->payload;
    uint8_t first = from[0], n = from[1], i;

    if (safety_state() == STATE_ARMED)
        return RESULT_WRONG_STATE;
    if ((uint16_t)first + n > BOARD_VALVES)
        return RESULT_BAD_VALUE;
    for (i = 0, from += 2; i < n; i++, from += VALVE_BYTES) {
        struct valve_timing timing = {get_u16(from), get_u16(from + 2), get_u16(from + 4)};

        scheduler_set_timing((uint8_t)(first + i), &timing);
    }
    return RESULT_OK;
}

static enum result configure_pwm(const uint8_t *from)
{
    uint8_t period_ms = from[0], first = from[1], n = from[2], i;

    if (safety_state() == STATE_ARMED)
        return RESULT_WRONG_STATE;
    if (period_ms < MIN_PERIOD_MS || period_ms > MAX_PERIOD_MS)
        return RESULT_BAD_VALUE;
    if ((uint16_t)first + n > BOARD_VALVES)
        return RESULT_BAD_VALUE;
    from += 3;
    for (i = 0; i < n; i++)
        if (from[i] < 1 || from[i] > 100)
            return RESULT_BAD_VALUE;
    for (i = 0; i < n; i++) {
        uint8_t on_ms = (uint8_t)(((uint16_t)from[i] * period_ms + 50u) / 100u);

        scheduler_set_duty((uint8_t)(first + i), on_ms != 0 ? on_ms : 1, period_ms);
    }
    return RESULT_OK;
}

static enum result queue(const struct frame *frame, uint32_t now)
{
    const uint8_t *from = frame->payload;
    uint32_t base = get_u32(from);
    uint8_t n = from[4], i;

    if (n > scheduler_free())
        return RESULT_QUEUE_FULL;
    for (i = 0, from += 5; i < n; i++, from += PULSE_BYTES) {
        struct pulse_command command;

        command.valve = from[0];
        command.tag = get_u16(from + 1);
        command.by_distance = frame->type == PULSES_DISTANCE;
        command.start = base + get_u24(from + 3);
        command.length = get_u24(from + 6);
        scheduler_add(&command, now);
    }
    return RESULT_OK;
}

/*
 * Goes through the runs of a frame of rows, by valve, then by row; returns how many there are.
 * With a command, which has the tag of the first, they are queued.
 */
static uint16_t take_runs(const uint8_t *from, struct pulse_command *command, uint32_t now)
{
    uint32_t base = get_u32(from);
    uint16_t step = get_u16(from + 6), runs = 0;
    uint8_t first = from[8], valves = from[9], rows = from[10];
    uint8_t width = (uint8_t)((valves + 7u) / 8u), i;

    for (i = 0; i < valves; i++) {
        const uint8_t *mask = from + ROWS_HEAD_BYTES + (i >> 3);
        uint8_t bit = (uint8_t)(1u << (i & 7u)), begin = 0, row;
        bool is_on = false;

        for (row = 0; row <= rows; row++, mask += width) {
            bool on = row < rows && (*mask & bit) != 0;

            if (on && !is_on) {
                begin = row;
            } else if (!on && is_on) {
                runs++;
                if (command != 0) {
                    command->valve = (uint8_t)(first + i);
                    command->start = base + (uint32_t)begin * step;
                    command->length = (uint32_t)(uint8_t)(row - begin) * step;
                    scheduler_add(command, now);
                    command->tag++;
                }
            }
            is_on = on;
        }
    }
    return runs;
}

static enum result queue_rows(const uint8_t *from, uint32_t now)
{
    struct pulse_command command;
    uint16_t runs;

    if (get_u16(from + 6) == 0 || (uint16_t)from[8] + from[9] > BOARD_VALVES)
        return RESULT_BAD_VALUE;
    runs = take_runs(from, 0, now);
    if (runs > MAX_RUNS)
        return RESULT_BAD_VALUE;
    if (runs > scheduler_free())
        return RESULT_QUEUE_FULL;
    command.tag = get_u16(from + 4);
    command.by_distance = true;
    take_runs(from, &command, now);
    return RESULT_OK;
}

static bool has_rows(const struct frame *frame)
{
    uint8_t valves, rows;

    if (frame->length < ROWS_HEAD_BYTES)
        return false;
    valves = frame->payload[9];
    rows = frame->payload[10];
    return valves != 0 && rows != 0 &&
           frame->length == ROWS_HEAD_BYTES + (uint16_t)rows * ((valves + 7u) / 8u);
}

static enum result execute(const struct frame *frame, uint32_t now)
{
    const uint8_t *from = frame->payload;

    switch (frame->type) {
    case ARM:
        return frame->length == 4 ? arm(from) : RESULT_BAD_LENGTH;
    case DISARM:
        if (frame->length != 0)
            return RESULT_BAD_LENGTH;
        safety_disarm();
        return RESULT_OK;
    case CLEAR:
        return frame->length == 0 ? safety_clear() : RESULT_BAD_LENGTH;
    case FLUSH:
        if (frame->length != 0)
            return RESULT_BAD_LENGTH;
        scheduler_flush();
        return RESULT_OK;
    case CONFIG_LIMITS:
        return frame->length == 14 ? configure_limits(from) : RESULT_BAD_LENGTH;
    case CONFIG_VALVES:
        return has_items(frame, 2, VALVE_BYTES, MAX_VALVES_IN_FRAME) ? configure_valves(frame)
                                                                     : RESULT_BAD_LENGTH;
    case PULSES_TIME:
    case PULSES_DISTANCE:
        return has_items(frame, 5, PULSE_BYTES, MAX_PULSES) ? queue(frame, now)
                                                            : RESULT_BAD_LENGTH;
    case CONFIG_PWM:
        return has_items(frame, 3, 1, MAX_DUTIES) ? configure_pwm(from) : RESULT_BAD_LENGTH;
    case ROWS_DISTANCE:
        return has_rows(frame) ? queue_rows(from, now) : RESULT_BAD_LENGTH;
    default:
        return RESULT_UNKNOWN_TYPE;
    }
}

static void take_sequenced(const struct frame *frame, uint32_t now)
{
    uint8_t ahead = (uint8_t)(frame->seq - controller_link.expected);
    uint8_t i;

    if (controller_link.session == 0)
        return;
    if (ahead == 0) {
        controller_link.expected++;
        for (i = RESULTS_IN_ACK - 1; i > 0; i--)
            controller_link.results[i] = controller_link.results[i - 1];
        controller_link.results[0] = (uint8_t)execute(frame, now);
        telemetry_ack(0, now);
    } else {
        telemetry_ack(ahead >= 0x80 ? 0 : ACK_GAP, now);
    }
}

static void count_bad(void)
{
    if (controller_link.bad_frames != 0xFFFF)
        controller_link.bad_frames++;
}

static void take(const struct frame *frame)
{
    uint32_t now = hal_tick();

    if (frame->type >= FIRST_SEQUENCED && frame->type <= LAST_SEQUENCED)
        take_sequenced(frame, now);
    else if (!take_unsequenced(frame, now))
        count_bad();
}

/* Takes bytes up to the end of a frame. */
static void receive(void)
{
    uint8_t left = BYTES_PER_ROUND;
    uint8_t byte;

    while (left-- && hal_receive(&byte)) {
        struct frame frame;
        enum frame_event event = frame_reader_take(&reader, byte, &frame);

        if (event == FRAME_GOOD)
            take(&frame);
        else if (event == FRAME_BAD)
            count_bad();
        if (event != FRAME_NONE)
            return;
    }
}

void controller_poll(void)
{
    uint32_t now;

    scheduler_tidy();
    receive();
    now = hal_tick();
    if (wheel_estimate(now))
        scheduler_follow_wheel();
    supervision_run(now);
    telemetry_run(now);
}
