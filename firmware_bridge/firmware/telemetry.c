/* SPDX-License-Identifier: Apache-2.0 */
#include "telemetry.h"

#include "controller.h"
#include "framing.h"
#include "hal.h"
#include "safety.h"
#include "supervision.h"
#include "valve_scheduler.h"
#include "wheel.h"
#include "wire.h"

#define REPORT_WAIT_TICKS (20u * TICKS_PER_MS)
#define REPORT_REPEAT_TICKS (25u * TICKS_PER_MS)
#define MAX_REPEATED 3
#define GAP_REPEAT_TICKS (10u * TICKS_PER_MS)
/* Kept free of bulk, so that answers never wait long. */
#define URGENT_ROOM 48u

/* What every board has with this core comes on top. */
#define CAPABILITIES \
    ((uint32_t)(BOARD_CAPABILITIES) | HAS_PWM | HAS_ROWS | \
     ((BOARD_CAPABILITIES) & HAS_ENCODER ? HAS_SPEED_CHECK : 0))

static const char name[] = BOARD_NAME;

static uint8_t wire[MAX_WIRE]; /* the frame that is being built */
static uint8_t out_seq;

static bool hello_due;
static uint32_t hello_session;
static bool time_due;
static uint32_t time_stamp;
static uint32_t time_rx_tick;
static bool ack_due;
static uint8_t ack_flags;
static uint32_t gap_told;
static bool gap_was_told;
static bool valves_due;
static uint8_t valves_first;
static uint32_t status_due;
static uint32_t odometry_due;
static bool reports_waiting;  /* new ones, */
static uint32_t reports_due;  /* until then at most */
static uint32_t repeat_due;   /* of the oldest one that has been sent */
static uint16_t reports_repeated; /* how many of the next ones have been sent before */
static uint16_t odometry_ticks;
static uint16_t status_ticks;

struct link_state controller_link;

void telemetry_init(uint32_t now)
{
    out_seq = 0;
    hello_due = false;
    telemetry_set_periods(10, 50);
    status_due = now;
    telemetry_new_session(now);
}

void telemetry_new_session(uint32_t now)
{
    time_due = false;
    ack_due = false;
    ack_flags = 0;
    gap_was_told = false;
    valves_due = false;
    reports_waiting = false;
    reports_repeated = 0;
    odometry_due = now;
}

void telemetry_set_periods(uint8_t odometry_ms, uint8_t status_ms)
{
    odometry_ticks = odometry_ms * TICKS_PER_MS;
    status_ticks = status_ms * TICKS_PER_MS;
}

void telemetry_hello(uint32_t session)
{
    hello_due = true;
    hello_session = session;
}

void telemetry_time(uint32_t stamp, uint32_t rx_tick)
{
    time_due = true;
    time_stamp = stamp;
    time_rx_tick = rx_tick;
}

void telemetry_ack(uint8_t flags, uint32_t now)
{
    if (flags & ACK_GAP) {
        if (gap_was_told && now - gap_told < GAP_REPEAT_TICKS)
            return;
        gap_was_told = true;
        gap_told = now;
    }
    ack_due = true;
    ack_flags |= flags;
}

void telemetry_valves(uint8_t first)
{
    valves_due = true;
    valves_first = first;
}

/* A frame is built behind its head and sent with send(). */

static uint8_t *begin(enum controller_frame type)
{
    wire[1] = (uint8_t)type;
    wire[2] = out_seq;
    return wire + 3;
}

static void send(const uint8_t *end)
{
    uint8_t length = frame_encode(wire, (uint8_t)(end - wire - 1));

    out_seq++;
    hal_send(wire, length);
}

/* Whether a frame with this payload fits into the transmit buffer, with `spare` to stay. */
static bool fits(uint8_t payload, uint8_t spare)
{
    return hal_send_room() >= payload + 6u + spare;
}

static void send_hello(void)
{
    const uint8_t length = sizeof name - 1;
    uint8_t *to = begin(HELLO_REPLY);
    uint8_t i;

    *to++ = 'A';
    *to++ = 'g';
    *to++ = 'S';
    *to++ = 'p';
    to = put_u8(to, PROTOCOL_VERSION);
    to = put_u16(to, SCHEMA_HASH);
    to = put_u32(to, hello_session);
    to = put_u16(to, controller_link.boot);
    to = put_u32(to, TICK_HZ);
    to = put_u16(to, BOARD_VALVES);
    to = put_u16(to, BOARD_QUEUE);
    to = put_u8(to, RESULTS_IN_ACK);
    to = put_u16(to, BOARD_RX_BYTES);
    to = put_u32(to, CAPABILITIES);
    to = put_u16(to, BOARD_MAX_OPEN_MS);
    to = put_u16(to, MIN_LEAD_TICKS * 4u);
    to = put_u16(to, HORIZON_MS);
    to = put_u16(to, LATE_TICKS * 4u);
    to = put_u8(to, FIRMWARE_MAJOR);
    to = put_u8(to, FIRMWARE_MINOR);
    to = put_u8(to, FIRMWARE_PATCH);
    to = put_u8(to, length);
    for (i = 0; i < length; i++)
        *to++ = (uint8_t)name[i];
    send(to);
}

static void send_time(void)
{
    uint8_t *to = begin(TIME_REPLY);

    to = put_u32(to, time_stamp);
    to = put_u32(to, time_rx_tick);
    to = put_u32(to, hal_send_tick());
    send(to);
}

static void send_ack(void)
{
    uint8_t *to = begin(ACK);
    uint8_t i;

    to = put_u8(to, controller_link.expected);
    to = put_u8(to, ack_flags);
    to = put_u16(to, scheduler_free());
    for (i = 0; i < RESULTS_IN_ACK; i++)
        to = put_u8(to, controller_link.results[i]);
    send(to);
}

static void send_valves(void)
{
    uint8_t *to = begin(VALVES);
    uint8_t n = (uint8_t)(BOARD_VALVES - valves_first);
    uint8_t i;

    if (n > MAX_VALVES_IN_FRAME)
        n = MAX_VALVES_IN_FRAME;
    to = put_u8(to, valves_first);
    to = put_u8(to, n);
    for (i = 0; i < n; i++) {
        struct valve_timing timing;

        scheduler_get_timing((uint8_t)(valves_first + i), &timing);
        to = put_u16(to, timing.open_10us);
        to = put_u16(to, timing.close_10us);
        to = put_u16(to, timing.fall_10us);
    }
    send(to);
}

static int32_t position_now(uint32_t *tick)
{
    int32_t position;

    hal_lock();
    *tick = hal_tick();
    wheel_sample(*tick);
    position = wheel_subcounts(wheel_fine(*tick));
    hal_unlock();
    return position;
}

static uint8_t flags(void)
{
    uint8_t value = 0;

    if (hal_estop_pressed())
        value |= FLAG_ESTOP_PRESSED;
    if (supervision_flow_short())
        value |= FLAG_FLOW_SHORT;
    if (supervision_leak())
        value |= FLAG_LEAK;
    return value;
}

static void send_status(void)
{
    uint32_t tick;
    int32_t position = position_now(&tick);
    uint8_t *to = begin(STATUS);

    to = put_u32(to, controller_link.session);
    to = put_u16(to, controller_link.boot);
    to = put_u8(to, (uint8_t)safety_state());
    to = put_u8(to, (uint8_t)safety_cause());
    to = put_u8(to, flags());
    to = put_u32(to, tick);
    to = put_u32(to, (uint32_t)position);
    to = put_u32(to, (uint32_t)wheel_speed());
    to = put_u16(to, scheduler_queued());
    to = put_u16(to, supervision_pressure());
    to = put_u32(to, supervision_flow());
    to = put_u32(to, NOT_MEASURED_U32); /* tank */
    to = put_u32(to, supervision_volume());
    to = put_u16(to, scheduler_late());
    to = put_u16(to, scheduler_rejected());
    to = put_u16(to, controller_link.bad_frames);
    to = put_u8(to, MASK_BYTES);
    scheduler_open_mask(to);
    to += MASK_BYTES;
    supervision_fault_mask(to);
    to += MASK_BYTES;
    send(to);
}

static void send_odometry(void)
{
    uint32_t tick;
    int32_t position = position_now(&tick);
    uint8_t *to = begin(ODOMETRY);

    to = put_u32(to, tick);
    to = put_u32(to, (uint32_t)position);
    to = put_u32(to, (uint32_t)wheel_speed());
    send(to);
}

static void send_strobe(const struct strobe_reading *strobe)
{
    uint8_t *to = begin(STROBE);
    uint32_t tick;
    int32_t position;
    struct wheel_reading wheel;

    hal_lock();
    tick = hal_tick();
    wheel_sample(tick);
    hal_wheel(&wheel);
    position = wheel_subcounts(wheel_fine(tick));
    hal_unlock();
    /* Whole counts back to the exposure; the position within the count is kept. */
    position -= (int16_t)(wheel.count - strobe->count) * (int32_t)SUBCOUNTS;
    to = put_u16(to, strobe->number);
    to = put_u32(to, strobe->tick);
    to = put_u32(to, (uint32_t)position);
    send(to);
}

static void extend(uint8_t *at, uint32_t base)
{
    put_u24(at, (get_u24(at) - base) & 0xFFFFFFul);
}

/* Some reports from the next unsent one; edges relative to the first that opened. */
static void send_report_frame(uint8_t most)
{
    uint16_t index = (uint16_t)(controller_link.report_index + controller_link.reports_sent);
    uint8_t *to = begin(PULSE_REPORTS) + 11;
    uint32_t now, tick, position;
    bool opened = false;
    uint8_t n = 0, i;
    struct pulse_report report;

    position = (uint32_t)position_now(&now);
    tick = now;
    while (n < most && scheduler_report_next(&report)) {
        bool was_open = report.outcome < OUTCOME_LATE;

        if (was_open && !opened) {
            /* Moments and positions are kept modulo 2^24: the latest such ones are meant. */
            tick = now - ((now - report.open_tick) & 0xFFFFFFul);
            position += (((report.open_position - position) & 0xFFFFFFul) ^ 0x800000ul) - 0x800000ul;
            opened = true;
        }
        to = put_u16(to, report.tag);
        to = put_u8(to, report.valve);
        to = put_u8(to, report.outcome);
        to = put_u24(to, was_open ? report.open_tick : 0);
        to = put_u24(to, was_open ? report.on_ticks : 0);
        to = put_u24(to, was_open ? report.open_position : 0);
        to = put_u24(to, was_open ? report.run : 0);
        n++;
    }
    for (i = 0; i < n; i++) {
        uint8_t *item = to - (uint16_t)(n - i) * REPORT_BYTES;

        if (item[3] < OUTCOME_LATE) {
            extend(item + 4, tick);
            extend(item + 10, position);
        }
    }
    put_u8(put_u32(put_u32(put_u16(wire + 3, index), tick), position), n);
    send(to);
    controller_link.reports_sent += n;
    reports_repeated = reports_repeated > n ? reports_repeated - n : 0;
}

void telemetry_reports_taken(uint32_t now)
{
    uint16_t unsent = (uint16_t)(scheduler_reports() - controller_link.reports_sent);

    repeat_due = now + REPORT_REPEAT_TICKS;
    if (reports_repeated > unsent)
        reports_repeated = unsent;
}

/* Whether some reports are to be sent now; all of them again if the oldest is not taken. */
static bool reports_are_due(uint32_t now)
{
    uint16_t all = scheduler_reports();
    uint16_t unsent;

    if (controller_link.reports_sent != 0 && !is_before(now, repeat_due)) {
        scheduler_report_rewind();
        controller_link.reports_sent = 0;
        reports_repeated = all;
    }
    unsent = (uint16_t)(all - controller_link.reports_sent);
    if (unsent == 0 || controller_link.session == 0) {
        reports_waiting = false;
        return false;
    }
    if (!reports_waiting) {
        reports_waiting = true;
        reports_due = now + REPORT_WAIT_TICKS;
    }
    return reports_repeated != 0 || unsent >= MAX_REPORTS || !is_before(now, reports_due);
}

static void run_reports(uint32_t now)
{
    if (!reports_are_due(now) || !fits(11 + MAX_REPORTS * REPORT_BYTES, URGENT_ROOM))
        return;
    reports_waiting = false;
    if (controller_link.reports_sent == 0)
        repeat_due = hal_send_tick() + REPORT_REPEAT_TICKS;
    send_report_frame(reports_repeated != 0 ? MAX_REPEATED : MAX_REPORTS);
}

static void run_urgent(uint32_t now)
{
    if (time_due && fits(12, 0)) {
        time_due = false;
        send_time();
    }
    if (hello_due && fits(HELLO_REPLY_BYTES + sizeof name - 1, 0)) {
        hello_due = false;
        send_hello();
    }
    if (ack_due && fits(12, 0)) {
        ack_due = false;
        send_ack();
        ack_flags = 0;
    }
    if (safety_changed())
        status_due = now;
}

static void run_periodic(uint32_t now)
{
    if (!is_before(now, status_due) && fits(STATUS_BYTES + 2 * MASK_BYTES, URGENT_ROOM / 2)) {
        status_due = now + status_ticks;
        send_status();
    }
    if (valves_due && fits(2 + MAX_VALVES_IN_FRAME * VALVE_BYTES, URGENT_ROOM)) {
        valves_due = false;
        send_valves();
    }
    if (controller_link.session != 0 && (BOARD_CAPABILITIES & HAS_ENCODER) &&
        !is_before(now, odometry_due) && fits(12, URGENT_ROOM)) {
        odometry_due = now + odometry_ticks;
        send_odometry();
    }
}

static void run_strobe(void)
{
    struct strobe_reading strobe;
    bool told = controller_link.session != 0;

    /* One that nobody hears is forgotten: a board dates only what is new. */
    if ((!told || fits(10, URGENT_ROOM)) && hal_strobe(&strobe) && told)
        send_strobe(&strobe);
}

void telemetry_run(uint32_t now)
{
    run_urgent(now);
    run_periodic(now);
    run_strobe();
    run_reports(now);
}
