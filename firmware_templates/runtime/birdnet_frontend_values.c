#include "birdnet_frontend_values.h"

#if !(defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2))

#include <math.h>

void birdnet_values_sqrt(float *values, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = sqrtf(values[i]);
    }
}

void birdnet_values_min_max(float *values, uint32_t count, float epsilon) {
    float low = values[0];
    float high = values[0];
    for (uint32_t i = 1; i < count; ++i) {
        low = values[i] < low ? values[i] : low;
        high = values[i] > high ? values[i] : high;
    }
    const float range = high - low + epsilon;
    for (uint32_t i = 0; i < count; ++i) {
        values[i] = (values[i] - low) / range;
    }
}

#endif
