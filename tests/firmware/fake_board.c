/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the core on virtual time for tests. Compiled with the core into a shared library; the
 * functions at the end are called from Python.
 */
#include <string.h>

#include "controller.h"
#include "framing.h"
#include "hal.h"
#include "safety.h"
#include "timer.h"
#include "valve_scheduler.h"
#include "wheel.h"
#include "wheel_profile.h"
#include "wire.h"

#define POLL_TICKS 25
#define BYTE_TICKS 5
#ifndef RX_SIZE
#define RX_SIZE 65536
#endif
#ifndef TX_SIZE
#define TX_SIZE 1048576
#endif
#define TX_BUFFER 255
#ifndef MAX_EDGES
#define MAX_EDGES 262144
#endif

struct timed_byte {
    uint64_t tick;
    uint8_t byte;
};

struct fake_edge {
    uint64_t tick;
    int32_t valve; /* -1: master */
    int32_t on;
};

static struct {
    uint64_t now; /* ticks since the start */
    uint32_t first_tick;
    uint64_t next_timer;
    uint64_t next_poll;
    int locked;
    int main_hangs;
    uint32_t poll_ticks;

    struct timed_byte rx[RX_SIZE];
    uint32_t rx_in, rx_out;
    uint64_t rx_free;
    uint32_t delimiter_tick;

    struct timed_byte tx[TX_SIZE];
    uint32_t tx_in, tx_out;
    uint64_t tx_free;

    uint8_t outputs[256];
    int master;
    struct fake_edge edges[MAX_EDGES];
    uint32_t edge_count;

    struct wheel_profile profile;
    uint64_t wheel_now;
    int64_t wheel_count;
    uint64_t wheel_edge;
    int estop;
    uint16_t flow;
    uint16_t pressure_mv;
    uint8_t coil_open[256];
    int strobe_waits;
    uint16_t strobes;
    struct strobe_reading strobe;
} fake;

static void log_edge(int valve, int on)
{
    if (fake.edge_count < MAX_EDGES) {
        struct fake_edge *edge = &fake.edges[fake.edge_count++];

        edge->tick = fake.now;
        edge->valve = valve;
        edge->on = on;
    }
}

uint32_t hal_tick(void)
{
    return (uint32_t)(fake.now + fake.first_tick);
}

void hal_lock(void)
{
    if (fake.locked)
        __builtin_trap();
    fake.locked = 1;
}

void hal_unlock(void)
{
    fake.locked = 0;
}

void hal_valve(uint8_t valve, bool on)
{
    if (fake.outputs[valve] != on) {
        fake.outputs[valve] = on;
        log_edge(valve, on);
    }
}

void hal_master(bool on)
{
    if (fake.master != on) {
        fake.master = on;
        log_edge(-1, on);
    }
}

void hal_all_off(void)
{
    int v;

    for (v = 0; v < BOARD_VALVES; v++)
        hal_valve((uint8_t)v, false);
    hal_master(false);
}

static double seconds(uint64_t tick)
{
    return (double)tick / TICK_HZ;
}

static void turn_wheel(void)
{
    int64_t count = (int64_t)floor(profile_count(&fake.profile, seconds(fake.now)));
    uint64_t low = fake.wheel_now, high = fake.now;

    if (count != fake.wheel_count) {
        while (high - low > 1) {
            uint64_t middle = low + (high - low) / 2;

            if ((int64_t)floor(profile_count(&fake.profile, seconds(middle))) == count)
                high = middle;
            else
                low = middle;
        }
        fake.wheel_edge = high;
    }
    fake.wheel_count = count;
    fake.wheel_now = fake.now;
}

void hal_wheel(struct wheel_reading *reading)
{
    turn_wheel();
    reading->count = (uint16_t)fake.wheel_count;
    reading->tick = (uint32_t)(fake.wheel_edge + fake.first_tick);
}

bool hal_estop_pressed(void)
{
    return fake.estop;
}

uint16_t hal_flow_pulses(void)
{
    return fake.flow;
}

bool hal_strobe(struct strobe_reading *reading)
{
    if (!fake.strobe_waits)
        return false;
    fake.strobe_waits = 0;
    *reading = fake.strobe;
    return true;
}

bool hal_pressure_mv(uint16_t *millivolts)
{
    *millivolts = fake.pressure_mv;
    return true;
}

bool hal_coil_mv(uint8_t valve, uint16_t *millivolts)
{
    *millivolts = fake.outputs[valve] && !fake.coil_open[valve] ? 1200 : 0;
    return true;
}

bool hal_receive(uint8_t *byte)
{
    const struct timed_byte *next = &fake.rx[fake.rx_out % RX_SIZE];

    if (fake.rx_in == fake.rx_out || next->tick > fake.now)
        return false;
    fake.rx_out++;
    *byte = next->byte;
    if (*byte == 0)
        fake.delimiter_tick = (uint32_t)(next->tick + fake.first_tick);
    return true;
}

uint32_t hal_delimiter_tick(void)
{
    return fake.delimiter_tick;
}

static uint32_t tx_pending(void)
{
    return fake.tx_free > fake.now ? (uint32_t)((fake.tx_free - fake.now) / BYTE_TICKS) : 0;
}

uint16_t hal_send_room(void)
{
    uint32_t pending = tx_pending();

    return (uint16_t)(pending < TX_BUFFER ? TX_BUFFER - pending : 0);
}

uint32_t hal_send_tick(void)
{
    uint64_t tick = fake.tx_free > fake.now ? fake.tx_free : fake.now;

    return (uint32_t)(tick + fake.first_tick);
}

void hal_send(const uint8_t *data, uint8_t length)
{
    if (length > hal_send_room())
        __builtin_trap();
    while (length--) {
        struct timed_byte *next = &fake.tx[fake.tx_in++ % TX_SIZE];

        if (fake.tx_free < fake.now)
            fake.tx_free = fake.now;
        fake.tx_free += BYTE_TICKS;
        next->tick = fake.tx_free;
        next->byte = *data++;
    }
}

/* Called from the tests. */

void fake_start(uint32_t first_tick, uint16_t boot, int cause)
{
    memset(&fake, 0, sizeof fake);
    fake.first_tick = first_tick;
    fake.poll_ticks = POLL_TICKS;
    fake.pressure_mv = 500 + 1200;
    turn_wheel();
    controller_init(boot, (enum cause)cause);
}

/* As after a watchdog reset: the world goes on, the controller starts anew. */
void fake_restart(uint16_t boot, int cause)
{
    fake.rx_out = fake.rx_in;
    fake.main_hangs = 0;
    controller_init(boot, (enum cause)cause);
}

uint64_t fake_now(void)
{
    return fake.now;
}

void fake_run(uint64_t until)
{
    while (1) {
        uint64_t next = fake.next_timer < fake.next_poll ? fake.next_timer : fake.next_poll;

        if (next > until)
            break;
        fake.now = next;
        if (fake.next_timer == next) {
            uint32_t wanted = timer_run(hal_tick());
            int32_t wait = (int32_t)(wanted - hal_tick());

            fake.next_timer = fake.now + (uint64_t)(wait > 0 ? wait : 1);
        }
        if (fake.next_poll == next) {
            if (!fake.main_hangs)
                controller_poll();
            fake.next_poll += fake.poll_ticks;
        }
    }
    fake.now = until;
}

/* Bytes on the wire from `tick` on, one behind the other. */
void fake_write(const uint8_t *data, uint32_t length, uint64_t tick)
{
    if (fake.rx_free < tick)
        fake.rx_free = tick;
    while (length-- && fake.rx_in - fake.rx_out < RX_SIZE) {
        fake.rx_free += BYTE_TICKS;
        fake.rx[fake.rx_in % RX_SIZE].tick = fake.rx_free;
        fake.rx[fake.rx_in++ % RX_SIZE].byte = *data++;
    }
}

/* The next byte that has left the controller by now; -1 if none has. */
int fake_read(uint64_t *tick)
{
    const struct timed_byte *next = &fake.tx[fake.tx_out % TX_SIZE];

    if (fake.tx_out == fake.tx_in || next->tick > fake.now)
        return -1;
    fake.tx_out++;
    *tick = next->tick;
    return next->byte;
}

uint32_t fake_edges(const struct fake_edge **edges)
{
    *edges = fake.edges;
    return fake.edge_count;
}

void fake_wheel(const struct wheel_segment *segments, int length)
{
    turn_wheel();
    memcpy(fake.profile.segments, segments, (size_t)length * sizeof *segments);
    fake.profile.length = length;
    fake.profile.at = 0;
    fake.wheel_count = (int64_t)floor(profile_count(&fake.profile, seconds(fake.now)));
}

void fake_estop(int pressed)
{
    fake.estop = pressed;
    if (pressed)
        safety_estop_interrupt();
}

void fake_flow(uint16_t pulses)
{
    fake.flow = pulses;
}

void fake_pressure(uint16_t millivolts)
{
    fake.pressure_mv = millivolts;
}

void fake_open_coil(uint8_t valve, int is_open)
{
    fake.coil_open[valve] = (uint8_t)is_open;
}

void fake_hang(int hangs)
{
    fake.main_hangs = hangs;
}

void fake_poll_every(uint32_t ticks)
{
    fake.poll_ticks = ticks;
}

void fake_strobe(void)
{
    struct wheel_reading wheel;

    hal_wheel(&wheel);
    fake.strobe.number = fake.strobes++;
    fake.strobe.tick = hal_tick();
    fake.strobe.count = wheel.count;
    fake.strobe_waits = 1;
}

/* Frames both ways for the codec's tests. */
uint32_t fake_encode(const uint8_t *body, uint32_t length, uint8_t *out)
{
    memcpy(out + 1, body, length);
    return frame_encode(out, (uint8_t)length);
}

/* Event of the last byte; type, sequence number and payload in `out`, its length in `length`. */
int fake_decode(const uint8_t *data, uint32_t size, uint8_t *out, uint32_t *length)
{
    static struct frame_reader reader;
    struct frame frame;
    enum frame_event event = FRAME_NONE;

    frame_reader_init(&reader);
    while (size--)
        event = frame_reader_take(&reader, *data++, &frame);
    *length = 0;
    if (event == FRAME_GOOD) {
        out[0] = frame.type;
        out[1] = frame.seq;
        memcpy(out + 2, frame.payload, frame.length);
        *length = frame.length + 2u;
    }
    return event;
}
