/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the controller sends. Nothing here waits: a frame is due or not, and goes out when the
 * transmit buffer has room, the most urgent first.
 */
#ifndef AGRISEG_TELEMETRY_H
#define AGRISEG_TELEMETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

/* Since the start of the session. */
struct link_state {
    uint32_t session; /* 0: none */
    uint16_t boot;
    uint8_t expected; /* sequence number */
    uint8_t results[RESULTS_IN_ACK];
    uint16_t report_index; /* of the oldest report */
    uint16_t reports_sent;
    uint8_t time_exchanges;
    uint16_t bad_frames;
};

extern struct link_state controller_link;

void telemetry_init(uint32_t now);
void telemetry_new_session(uint32_t now);
void telemetry_set_periods(uint8_t odometry_ms, uint8_t status_ms);

/* Make a frame due. */
void telemetry_hello(uint32_t session);
void telemetry_time(uint32_t stamp, uint32_t rx_tick);
void telemetry_ack(uint8_t flags, uint32_t now);
void telemetry_valves(uint8_t first);

/* The host has acknowledged reports. */
void telemetry_reports_taken(uint32_t now);

/* Sends what is due. Main loop. */
void telemetry_run(uint32_t now);

#endif
