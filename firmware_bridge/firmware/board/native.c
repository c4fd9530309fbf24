/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agriseg-controller [--speed COUNTS_PER_S] [--log]
 *
 * Prints the pseudo-terminal's path on the first line and serves it until standard input ends
 * or a signal comes. The wheel turns at a steady speed; valves and flow are ideal. With --log
 * every switching of an output is printed: tick, valve (-1: master valve), 1 or 0.
 *
 * One thread is the main loop, another the timer interrupt; a mutex is the interrupt lock.
 */
#define _XOPEN_SOURCE 600
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "controller.h"
#include "hal.h"
#include "timer.h"
#include "valve_scheduler.h"

#define NS_PER_TICK (1000000000ll / (long long)TICK_HZ)
#define BUFFER 4096
#define NOZZLE_UL_PER_S (400.0 * 1000.0 / 60.0)

static int port;
static struct timespec start;
static pthread_mutex_t timer_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool ending;

static double counts_per_s;
static bool logging;
static bool outputs[BOARD_VALVES];
static bool master;
static atomic_uint open_valves;
static double flow_ul;
static uint32_t flow_tick;

static uint8_t rx[BUFFER];
static size_t rx_length, rx_at;
static uint32_t rx_tick;

static long long elapsed_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (now.tv_sec - start.tv_sec) * 1000000000ll + (now.tv_nsec - start.tv_nsec);
}

uint32_t hal_tick(void)
{
    return (uint32_t)(elapsed_ns() / NS_PER_TICK);
}

void hal_lock(void)
{
    pthread_mutex_lock(&timer_lock);
}

void hal_unlock(void)
{
    pthread_mutex_unlock(&timer_lock);
}

static void log_edge(int valve, bool on)
{
    if (logging)
        printf("%u %d %d\n", (unsigned)hal_tick(), valve, on);
}

void hal_valve(uint8_t valve, bool on)
{
    if (outputs[valve] == on)
        return;
    outputs[valve] = on;
    if (on)
        open_valves++;
    else
        open_valves--;
    log_edge(valve, on);
}

void hal_master(bool on)
{
    if (master != on)
        log_edge(-1, on);
    master = on;
}

void hal_all_off(void)
{
    int v;

    for (v = 0; v < BOARD_VALVES; v++)
        hal_valve((uint8_t)v, false);
    hal_master(false);
}

void hal_wheel(struct wheel_reading *reading)
{
    double counts = counts_per_s * (double)hal_tick() / TICK_HZ;
    long long whole = (long long)counts;

    reading->count = (uint16_t)whole;
    reading->tick = counts_per_s > 0 ? (uint32_t)((double)whole / counts_per_s * TICK_HZ) : 0;
}

bool hal_estop_pressed(void)
{
    return false;
}

uint16_t hal_flow_pulses(void)
{
    uint32_t now = hal_tick();

    if (master)
        flow_ul += (double)(now - flow_tick) / TICK_HZ * NOZZLE_UL_PER_S * open_valves;
    flow_tick = now;
    return (uint16_t)(unsigned long long)(flow_ul / BOARD_FLOW_UL_PER_PULSE);
}

bool hal_strobe(struct strobe_reading *reading)
{
    (void)reading;
    return false;
}

bool hal_pressure_mv(uint16_t *millivolts)
{
    *millivolts = BOARD_PRESSURE_ZERO_MV + 1200;
    return true;
}

bool hal_coil_mv(uint8_t valve, uint16_t *millivolts)
{
    *millivolts = outputs[valve] ? 1200 : 0;
    return true;
}

bool hal_receive(uint8_t *byte)
{
    if (rx_at == rx_length) {
        ssize_t got = read(port, rx, sizeof rx);

        if (got <= 0)
            return false;
        rx_tick = hal_tick();
        rx_length = (size_t)got;
        rx_at = 0;
    }
    *byte = rx[rx_at++];
    return true;
}

uint32_t hal_delimiter_tick(void)
{
    return rx_tick;
}

uint16_t hal_send_room(void)
{
    struct pollfd writable = {.fd = port, .events = POLLOUT};

    return poll(&writable, 1, 0) == 1 && (writable.revents & POLLOUT) ? 1024 : 0;
}

uint32_t hal_send_tick(void)
{
    return hal_tick();
}

void hal_send(const uint8_t *data, uint8_t length)
{
    /* What does not fit is lost, as on a wire; the protocol repeats it. */
    if (write(port, data, length) < 0 && errno != EAGAIN && errno != EIO)
        perror("write");
}

static void *timer_thread(void *nothing)
{
    while (!ending) {
        struct timespec next = start;
        uint32_t now, wanted;
        long long ns;

        pthread_mutex_lock(&timer_lock);
        now = hal_tick();
        wanted = timer_run(now);
        pthread_mutex_unlock(&timer_lock);
        ns = (elapsed_ns() / NS_PER_TICK + (int32_t)(wanted - hal_tick())) * NS_PER_TICK;
        next.tv_sec += (time_t)((ns + next.tv_nsec) / 1000000000ll);
        next.tv_nsec = (long)((ns + next.tv_nsec) % 1000000000ll);
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
    }
    return nothing;
}

static void end(int signal_number)
{
    (void)signal_number;
    ending = true;
}

static int open_port(void)
{
    struct termios raw;
    int master_end = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    int keep_open;

    if (master_end < 0 || grantpt(master_end) != 0 || unlockpt(master_end) != 0)
        return -1;
    keep_open = open(ptsname(master_end), O_RDWR | O_NOCTTY);
    if (keep_open < 0 || tcgetattr(keep_open, &raw) != 0)
        return -1;
    raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
    raw.c_cflag = CS8 | CREAD | CLOCAL;
    if (tcsetattr(keep_open, TCSANOW, &raw) != 0)
        return -1;
    return master_end;
}

static int parse(int count, char **arguments)
{
    int i;

    for (i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--log") == 0) {
            logging = true;
        } else if (strcmp(arguments[i], "--speed") == 0 && i + 1 < count) {
            counts_per_s = atof(arguments[++i]);
        } else {
            fprintf(stderr, "usage: %s [--speed COUNTS_PER_S] [--log]\n", arguments[0]);
            return -1;
        }
    }
    return 0;
}

/* Waits until bytes come, standard input ends, or half a millisecond has passed. */
static void wait_for_work(void)
{
    struct pollfd fds[] = {{.fd = port, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    struct timespec pause = {.tv_nsec = 500000};
    char ignored[64];

    if (poll(fds, 2, 0) >= 0 && fds[1].revents && read(0, ignored, sizeof ignored) <= 0)
        ending = true;
    if (!(fds[0].revents & POLLIN))
        nanosleep(&pause, NULL);
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = end};
    pthread_t timer;

    if (parse(count, arguments) != 0)
        return 2;
    port = open_port();
    if (port < 0) {
        perror("cannot open a pseudo-terminal");
        return 1;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    clock_gettime(CLOCK_MONOTONIC, &start);
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("%s\n", ptsname(port));
    controller_init((uint16_t)(1 + getpid() % 65535), CAUSE_BOOT);
    if (pthread_create(&timer, NULL, timer_thread, NULL) != 0) {
        fprintf(stderr, "cannot start the timer's thread\n");
        return 1;
    }
    while (!ending) {
        controller_poll();
        wait_for_work();
    }
    pthread_join(timer, NULL);
    return 0;
}
