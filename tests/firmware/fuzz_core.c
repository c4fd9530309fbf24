/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer's target: the core on the test board, fed with frames made from the input.
 *
 * An input is a list of actions. Most of them are frames with a right checksum and any payload,
 * so that the fuzzer gets behind the checksum; others are raw bytes, time, wheel, stop. After
 * every action the outputs must be as the state says.
 */
#include <stdlib.h>
#include <string.h>

#include "controller.h"
#include "framing.h"
#include "hal.h"
#include "safety.h"
#include "telemetry.h"
#include "wire.h"
#include "wheel_profile.h"

#define MAX_ACTIONS 64
#define CAP_TICKS 2500000

struct fake_edge {
    uint64_t tick;
    int32_t valve;
    int32_t on;
};

void fake_start(uint32_t first_tick, uint16_t boot, int cause);
void fake_run(uint64_t until);
uint64_t fake_now(void);
void fake_write(const uint8_t *data, uint32_t length, uint64_t tick);
uint32_t fake_edges(const struct fake_edge **edges);
void fake_wheel(const struct wheel_segment *segments, int length);
void fake_estop(int pressed);

static uint16_t ground_mm_s;

static void send(uint8_t type, uint8_t seq, const uint8_t *payload, uint8_t length)
{
    uint8_t wire[MAX_WIRE];

    wire[1] = type;
    wire[2] = seq;
    memcpy(wire + 3, payload, length);
    fake_write(wire, frame_encode(wire, (uint8_t)(length + 2)), fake_now());
}

static void send_hello(uint32_t session)
{
    uint8_t hello[11] = {'A', 'g', 'S', 'p', PROTOCOL_VERSION};

    put_u32(put_u16(hello + 5, SCHEMA_HASH), session);
    send(HELLO, 0, hello, sizeof hello);
}

static void send_beat(void)
{
    uint8_t beat[9];

    put_u16(put_u8(put_u32(beat, controller_link.session), ALIVE_ALL), controller_link.report_index);
    put_u16(beat + 7, ground_mm_s);
    send(BEAT, 0, beat, sizeof beat);
}

static void arm(void)
{
    static const uint8_t limits[14] = {200, 0, 200, 0, 10, 50, 0, 0, 16, 0, 0x90, 1, 0x2C, 1};
    uint8_t zeros[12] = {0};
    uint8_t command[4] = {0};
    int i;

    send_hello(controller_link.session + 1);
    fake_run(fake_now() + 500);
    for (i = 0; i < 8; i++)
        send(TIME, 0, zeros, sizeof zeros);
    send(CONFIG_LIMITS, 0, limits, sizeof limits);
    send_beat();
    put_u16(command, controller_link.boot);
    send(ARM, 1, command, sizeof command);
    fake_run(fake_now() + 5000);
}

static void check(void)
{
    static uint64_t began[256];
    const struct fake_edge *edges;
    uint32_t count = fake_edges(&edges), i;
    bool on[256] = {false};
    bool any = false;

    for (i = 0; i < count; i++) {
        int valve = edges[i].valve;

        if (valve < 0)
            continue;
        on[valve] = edges[i].on;
        if (edges[i].on)
            began[valve] = edges[i].tick;
        else if (edges[i].tick - began[valve] > CAP_TICKS)
            abort();
    }
    for (i = 0; i < BOARD_VALVES; i++)
        any = any || on[i];
    if (any && safety_state() != STATE_ARMED)
        abort();
}

static void turn(const uint8_t *from)
{
    struct wheel_segment segment = {
        .t_s = (double)fake_now() / TICK_HZ,
        .count = (double)(int8_t)from[0] * 1000.0,
        .speed = (double)(int16_t)get_u16(from + 1) * 4.0,
        .acceleration = (double)(int8_t)from[3] * 100.0,
    };

    fake_wheel(&segment, 1);
}

/* Makes pulses of arbitrary bytes likely to be near enough to be taken; returns their length. */
static uint8_t aim(uint8_t type, uint8_t *payload, uint8_t length)
{
    uint8_t n = (uint8_t)((length - 5) / PULSE_BYTES), i;

    put_u32(payload, get_u32(payload) % 500000 + (type == PULSES_TIME ? hal_tick() : 0));
    payload[4] = n;
    for (i = 0; i < n; i++) {
        uint8_t *pulse = payload + 5 + i * PULSE_BYTES;

        pulse[0] %= BOARD_VALVES + 1;
        pulse[5] %= 4;
        pulse[8] = 0;
    }
    return (uint8_t)(5 + n * PULSE_BYTES);
}

/* The same for a picture of the ground. */
static uint8_t aim_rows(uint8_t *payload, uint8_t length)
{
    uint8_t width;

    put_u32(payload, get_u32(payload) % 500000);
    payload[7] %= 4;
    payload[8] %= BOARD_VALVES;
    payload[9] = (uint8_t)(payload[9] % (BOARD_VALVES - payload[8]) + 1);
    width = (uint8_t)((payload[9] + 7) / 8);
    payload[10] = (uint8_t)((length - ROWS_HEAD_BYTES) / width);
    return (uint8_t)(ROWS_HEAD_BYTES + payload[10] * width);
}

static void act(uint8_t action, const uint8_t *argument, uint8_t length)
{
    uint8_t padded[MAX_FRAME] = {0};
    uint8_t payload;

    memcpy(padded, argument, length);
    payload = length > 2 ? (uint8_t)(length - 2) : 0;
    switch (action & 7) {
    case 0:
        fake_write(argument, length, fake_now());
        break;
    case 1:
        arm();
        break;
    case 2:
        turn(padded);
        break;
    case 3:
        fake_estop(padded[0] & 1);
        break;
    case 4:
        ground_mm_s = length > 1 ? get_u16(padded) : UNKNOWN_GROUND;
        send_beat();
        break;
    default:
        if ((padded[0] == PULSES_TIME || padded[0] == PULSES_DISTANCE) && payload >= 14 &&
            padded[1] & 1)
            payload = aim(padded[0], padded + 2, payload);
        else if (padded[0] == ROWS_DISTANCE && payload > ROWS_HEAD_BYTES + 1 && padded[1] & 1)
            payload = aim_rows(padded + 2, payload);
        /* Sequenced ones mostly with the number that is expected. */
        send(padded[0], padded[1] ? controller_link.expected : padded[1], padded + 2, payload);
    }
    fake_run(fake_now() + 50 + (uint64_t)(action >> 3) * (action & 0x80 ? 2000u : 40u));
    check();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int actions = 0;

    if (size < 5)
        return 0;
    ground_mm_s = UNKNOWN_GROUND;
    fake_start(get_u32(data), 7, CAUSE_BOOT);
    if (data[4] & 1)
        arm();
    data += 5;
    size -= 5;
    while (size >= 2 && actions++ < MAX_ACTIONS) {
        uint8_t action = data[0], length = data[1];

        data += 2;
        size -= 2;
        if (length > MAX_FRAME - 2)
            length = MAX_FRAME - 2;
        if (length > size)
            length = (uint8_t)size;
        act(action, data, length);
        data += length;
        size -= length;
    }
    return 0;
}
