/* SPDX-License-Identifier: Apache-2.0 */
/* Flow, pressure and coil current against what the valves were commanded to do. */
#ifndef AGRISEG_SUPERVISION_H
#define AGRISEG_SUPERVISION_H

#include <stdbool.h>
#include <stdint.h>

void supervision_init(uint32_t now);
void supervision_set_nozzles(uint16_t nozzle_ml_min, uint16_t nominal_kpa);

/* Takes measurements and judges them. Main loop. */
void supervision_run(uint32_t now);

bool supervision_leak(void);
bool supervision_flow_short(void);
uint16_t supervision_pressure(void);  /* tenths of kPa, or NOT_MEASURED_U16 */
uint32_t supervision_flow(void);      /* ml/min */
uint32_t supervision_volume(void);    /* microlitres since start */
void supervision_fault_mask(uint8_t *mask);

#endif
