/**
 * @file
 * What is done to all values of a spectrogram alike; of no use to the front end's callers.
 */
#ifndef BIRDNET_FRONTEND_VALUES_H
#define BIRDNET_FRONTEND_VALUES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Square roots, in place. */
void birdnet_values_sqrt(float *values, uint32_t count);

/** (value - low) / (high - low + epsilon), in place. */
void birdnet_values_min_max(float *values, uint32_t count, float epsilon);

#ifdef __cplusplus
}
#endif

#endif
