/* SPDX-License-Identifier: Apache-2.0 */
/* A wheel that turns by a profile of constant accelerations; for the test harnesses. */
#ifndef AGRISEG_TEST_WHEEL_PROFILE_H
#define AGRISEG_TEST_WHEEL_PROFILE_H

#include <math.h>
#include <stdint.h>

#define MAX_SEGMENTS 256

struct wheel_segment {
    double t_s;
    double count; /* at t_s */
    double speed; /* counts per second */
    double acceleration;
};

struct wheel_profile {
    int length;
    int at;
    struct wheel_segment segments[MAX_SEGMENTS];
};

static inline double profile_count(struct wheel_profile *profile, double t_s)
{
    const struct wheel_segment *segment;
    double dt;

    if (profile->length == 0)
        return 0.5;
    while (profile->at > 0 && profile->segments[profile->at].t_s > t_s)
        profile->at--;
    while (profile->at + 1 < profile->length && profile->segments[profile->at + 1].t_s <= t_s)
        profile->at++;
    segment = &profile->segments[profile->at];
    dt = t_s - segment->t_s;
    return segment->count + dt * (segment->speed + 0.5 * segment->acceleration * dt);
}

#endif
