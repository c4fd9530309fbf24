/* SPDX-License-Identifier: Apache-2.0 */
/* Products that stay within 32 bits, cheap enough for an 8-bit interrupt. */
#ifndef AGRISEG_FIXED_POINT_H
#define AGRISEG_FIXED_POINT_H

#include <stdint.h>

/* x * y / 65536, rounded down; the result must fit. */
static inline int32_t mul_q16(int32_t x, uint16_t y)
{
    int32_t high = (int32_t)(int16_t)(x >> 16) * (int32_t)y;
    uint32_t low = (uint32_t)(uint16_t)x * y;

    return high + (int32_t)(low >> 16);
}

/* As mul_q16 for a factor without sign; saturates. */
static inline uint32_t mul_q16_saturated(uint32_t x, uint16_t y)
{
    uint32_t high = (x >> 16) * (uint32_t)y;
    uint32_t low = (uint32_t)(uint16_t)x * y >> 16;

    return high > 0x7FFF0000ul ? 0x7FFF0000ul : high + low;
}

#endif
