/* birdnet_frontend_values.h for cores with Helium. */
#include "birdnet_frontend_values.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

#include "birdnet_float_mve.h"

void birdnet_values_sqrt(float *values, uint32_t count) {
    for (; count >= 4u; count -= 4u) {
        vst1q_f32(values, birdnet_sqrt_x4(vld1q_f32(values)));
        values += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    vst1q_p_f32(values, birdnet_sqrt_x4(vld1q_z_f32(values, rest)), rest);
}

void birdnet_values_min_max(float *values, uint32_t count, float epsilon) {
    float32x4_t lows = vdupq_n_f32(values[0]);
    float32x4_t highs = lows;
    const float *read = values;
    uint32_t left = count;
    for (; left >= 4u; left -= 4u) {
        const float32x4_t value = vld1q_f32(read);
        lows = vminnmq_f32(lows, value);
        highs = vmaxnmq_f32(highs, value);
        read += 4;
    }
    const mve_pred16_t rest = vctp32q(left);
    const float32x4_t last = vld1q_z_f32(read, rest);
    lows = vminnmq_m_f32(lows, lows, last, rest);
    highs = vmaxnmq_m_f32(highs, highs, last, rest);
    const float low = vminnmvq_f32(values[0], lows);
    const float range = vmaxnmvq_f32(values[0], highs) - low + epsilon;
    const float reciprocal = 1.0f / range;
    for (left = count; left >= 4u; left -= 4u) {
        const float32x4_t value = vsubq_n_f32(vld1q_f32(values), low);
        vst1q_f32(values,
                  birdnet_divide_x4(value, vmulq_n_f32(value, reciprocal), range, reciprocal));
        values += 4;
    }
    for (; left > 0u; --left) {
        *values = (*values - low) / range;
        ++values;
    }
}

#endif
