/* birdnet_resample_sum() for cores with Helium. */
#include "birdnet_resample.h"

#if defined(__ARM_FEATURE_MVE)

#include <arm_mve.h>

int64_t birdnet_resample_sum(const int16_t *samples, const int16_t *coefficients, uint32_t taps) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < taps; i += 8u) {
        sum = vmlaldavaq_s16(sum, vldrhq_s16(samples + i), vldrhq_s16(coefficients + i));
    }
    return sum;
}

#endif
