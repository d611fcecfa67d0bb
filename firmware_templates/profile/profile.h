/* The steps of a generated network, which can be called one by one. */
#ifndef PROFILE_H
#define PROFILE_H

#include "birdnet_network.h"

typedef birdnet_status_t (*profile_step_t)(int8_t *arena);

extern const profile_step_t profile_steps[];
extern const uint32_t profile_step_count;

#endif
