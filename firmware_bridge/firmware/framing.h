/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on the wire: COBS stuffing, CRC-16/CCITT-FALSE, see PROTOCOL.md. */
#ifndef AGRISEG_FRAMING_H
#define AGRISEG_FRAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"

/* Over a whole frame with its complemented checksum, whatever the start. */
#define CHECKSUM_RESIDUE 0x1D0F

/* The checksum of `length` bytes, started from `crc`. */
uint16_t crc16(uint16_t crc, const uint8_t *data, uint8_t length);

/* What the checksum of a frame of this type starts from. */
uint16_t checksum_seed(uint8_t type);

/* A frame as it is taken off the wire. */
struct frame {
    uint8_t type;
    uint8_t seq;
    uint8_t length; /* of the payload */
    const uint8_t *payload;
};

enum frame_event {
    FRAME_NONE, /* more bytes are needed */
    FRAME_GOOD,
    FRAME_BAD, /* bytes up to a delimiter were no frame */
};

/* Takes stuffing off byte by byte; holds no more than one frame. */
struct frame_reader {
    uint8_t body[MAX_FRAME];
    uint8_t length;
    uint8_t encoded; /* bytes since the delimiter, as they came */
    uint8_t block;   /* bytes of the present block still to come */
    bool zero_after; /* a zero stands behind the present block */
    bool broken;
};

void frame_reader_init(struct frame_reader *reader);

/* Takes one byte; on FRAME_GOOD `frame` points into the reader until the next call. */
enum frame_event frame_reader_take(struct frame_reader *reader, uint8_t byte, struct frame *frame);

/*
 * Completes a frame for the wire, in place. `wire` has room for MAX_WIRE; type, sequence number
 * and payload, `length` bytes of at most MAX_FRAME - 2, stand from wire[1] on. Returns the bytes
 * from wire[0] on that make the frame.
 */
uint8_t frame_encode(uint8_t *wire, uint8_t length);

#endif
