/* SPDX-License-Identifier: Apache-2.0 */
/* Little-endian numbers of the wire. */
#ifndef AGRISEG_WIRE_H
#define AGRISEG_WIRE_H

#include <stdint.h>

static inline uint16_t get_u16(const uint8_t *from)
{
    return (uint16_t)(from[0] | (uint16_t)from[1] << 8);
}

static inline uint32_t get_u24(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16;
}

static inline uint32_t get_u32(const uint8_t *from)
{
    return get_u24(from) | (uint32_t)from[3] << 24;
}

static inline uint8_t *put_u8(uint8_t *to, uint8_t value)
{
    *to++ = value;
    return to;
}

static inline uint8_t *put_u16(uint8_t *to, uint16_t value)
{
    *to++ = (uint8_t)value;
    *to++ = (uint8_t)(value >> 8);
    return to;
}

static inline uint8_t *put_u24(uint8_t *to, uint32_t value)
{
    to = put_u16(to, (uint16_t)value);
    *to++ = (uint8_t)(value >> 16);
    return to;
}

static inline uint8_t *put_u32(uint8_t *to, uint32_t value)
{
    to = put_u16(to, (uint16_t)value);
    return put_u16(to, (uint16_t)(value >> 16));
}

/* Whether moment (or position) `a` lies before `b`; both wrap at 32 bits. */
static inline int is_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}

#endif
