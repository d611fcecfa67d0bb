/* birdnet_resample_sum() for cores without Helium. */
#include "birdnet_resample.h"

#if !defined(__ARM_FEATURE_MVE)

int64_t birdnet_resample_sum(const int16_t *samples, const int16_t *coefficients, uint32_t taps) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < taps; ++i) {
        sum += (int32_t)samples[i] * coefficients[i];
    }
    return sum;
}

#endif
