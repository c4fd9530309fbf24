/* SPDX-License-Identifier: Apache-2.0 */
#include "framing.h"

uint16_t crc16(uint16_t crc, const uint8_t *data, uint8_t length)
{
    while (length--) {
        /* One byte at a time without a table: the polynomial x^16 + x^12 + x^5 + 1. */
        uint8_t mix = (uint8_t)(crc >> 8) ^ *data++;
        mix ^= mix >> 4;
        crc = (uint16_t)(crc << 8) ^ (uint16_t)((uint16_t)mix << 12) ^
              (uint16_t)((uint16_t)mix << 5) ^ mix;
    }
    return crc;
}

uint16_t checksum_seed(uint8_t type)
{
    return type == HELLO || type == HELLO_REPLY ? 0xFFFF : SCHEMA_HASH;
}

void frame_reader_init(struct frame_reader *reader)
{
    reader->length = 0;
    reader->encoded = 0;
    reader->block = 0;
    reader->zero_after = false;
    reader->broken = false;
}

static enum frame_event complete(struct frame_reader *reader, struct frame *frame)
{
    uint8_t length = reader->length;
    const uint8_t *body = reader->body;

    if (reader->broken || reader->block != 0 || length < 4)
        return FRAME_BAD;
    if (crc16(checksum_seed(body[0]), body, length) != CHECKSUM_RESIDUE)
        return FRAME_BAD;
    frame->type = body[0];
    frame->seq = body[1];
    frame->length = (uint8_t)(length - 4);
    frame->payload = body + 2;
    return FRAME_GOOD;
}

static void append(struct frame_reader *reader, uint8_t byte)
{
    if (reader->length < MAX_FRAME)
        reader->body[reader->length++] = byte;
    else
        reader->broken = true;
}

static void unstuff(struct frame_reader *reader, uint8_t byte)
{
    if (reader->block != 0) {
        reader->block--;
        append(reader, byte);
        return;
    }
    if (reader->zero_after)
        append(reader, 0);
    reader->zero_after = byte != 0xFF;
    reader->block = (uint8_t)(byte - 1);
}

enum frame_event frame_reader_take(struct frame_reader *reader, uint8_t byte, struct frame *frame)
{
    enum frame_event event = FRAME_NONE;

    if (byte == 0) {
        if (reader->encoded != 0)
            event = complete(reader, frame);
        frame_reader_init(reader);
        return event;
    }
    if (reader->encoded >= MAX_ENCODED) {
        reader->broken = true;
        return FRAME_NONE;
    }
    reader->encoded++;
    unstuff(reader, byte);
    return FRAME_NONE;
}

uint8_t frame_encode(uint8_t *wire, uint8_t length)
{
    uint16_t crc = (uint16_t)~crc16(checksum_seed(wire[1]), wire + 1, length);
    uint8_t code = 0;
    uint8_t i;

    wire[++length] = (uint8_t)(crc >> 8);
    wire[++length] = (uint8_t)crc;
    wire[++length] = 0; /* the delimiter */
    /* A frame is shorter than the longest block, so each zero becomes the length of a block. */
    for (i = 1; i <= length; i++) {
        if (wire[i] == 0) {
            wire[code] = (uint8_t)(i - code);
            code = i;
        }
    }
    return (uint8_t)(length + 1);
}
