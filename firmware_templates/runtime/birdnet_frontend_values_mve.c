/* birdnet_frontend_values.h for cores with Helium. */
#include "birdnet_frontend_values.h"

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

#include <math.h>
#include <stdbool.h>

#include "birdnet_float_mve.h"
#include "birdnet_frontend_margin.h"

void birdnet_values_sqrt(float *values, uint32_t count) {
    for (; count >= 4u; count -= 4u) {
        vst1q_f32(values, birdnet_sqrt_x4(vld1q_f32(values)));
        values += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    vst1q_p_f32(values, birdnet_sqrt_x4(vld1q_z_f32(values, rest)), rest);
}

#define LN_2 0.693147181f
#define SQRT_HALF_BITS 0x3F3504F3
#define EXPONENT_SHIFT 23

/* x = 2^exponent * (1 + f) with 1 + f from sqrt(1/2) to sqrt(2). log(1 + f) = f - f^2 / 2 + f^3
 * P(f). P is fitted by least squares at Chebyshev's nodes, with an error of 1.3e-7 of the
 * logarithm. */
static inline float32x4_t log_x4(float32x4_t value) {
    const int32x4_t bits = vreinterpretq_s32_f32(value);
    const int32x4_t exponent = vshrq_n_s32(vsubq_n_s32(bits, SQRT_HALF_BITS), EXPONENT_SHIFT);
    const int32x4_t fraction = vsubq_s32(bits, vshlq_n_s32(exponent, EXPONENT_SHIFT));
    const float32x4_t f = vsubq_n_f32(vreinterpretq_f32_s32(fraction), 1.0f);
    float32x4_t p = vdupq_n_f32(-0.0738882348f);
    p = vfmasq_n_f32(p, f, 0.126288816f);
    p = vfmasq_n_f32(p, f, -0.131949097f);
    p = vfmasq_n_f32(p, f, 0.142249584f);
    p = vfmasq_n_f32(p, f, -0.166220009f);
    p = vfmasq_n_f32(p, f, 0.199999884f);
    p = vfmasq_n_f32(p, f, -0.250008345f);
    p = vfmasq_n_f32(p, f, 0.333333492f);
    p = vfmasq_n_f32(p, f, -0.5f);
    const float32x4_t logarithm = vfmaq_f32(f, vmulq_f32(f, f), p);
    return vfmaq_n_f32(logarithm, vcvtq_f32_s32(exponent), LN_2);
}

void birdnet_values_log(float *values, uint32_t count, float floor) {
    const float32x4_t floors = vdupq_n_f32(floor);
    for (; count > 0u; count = count > 4u ? count - 4u : 0u) {
        const mve_pred16_t lanes = vctp32q(count);
        const float32x4_t value = vmaxnmq_f32(vld1q_z_f32(values, lanes), floors);
        vst1q_p_f32(values, log_x4(value), lanes);
        values += 4;
    }
}

void birdnet_values_widen(birdnet_range_t *range, const float *values, uint32_t count) {
    float32x4_t lows = vdupq_n_f32(range->low);
    float32x4_t highs = vdupq_n_f32(range->high);
    for (; count >= 4u; count -= 4u) {
        const float32x4_t value = vld1q_f32(values);
        lows = vminnmq_f32(lows, value);
        highs = vmaxnmq_f32(highs, value);
        values += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    const float32x4_t last = vld1q_z_f32(values, rest);
    lows = vminnmq_m_f32(lows, lows, last, rest);
    highs = vmaxnmq_m_f32(highs, highs, last, rest);
    range->low = vminnmvq_f32(range->low, lows);
    range->high = vmaxnmvq_f32(range->high, highs);
}

void birdnet_values_scale(float *values, uint32_t count, float low, float width) {
    const float reciprocal = 1.0f / width;
    for (; count >= 4u; count -= 4u) {
        const float32x4_t value = vsubq_n_f32(vld1q_f32(values), low);
        vst1q_f32(values,
                  birdnet_divide_x4(value, vmulq_n_f32(value, reciprocal), width, reciprocal));
        values += 4;
    }
    for (; count > 0u; --count) {
        *values = (*values - low) / width;
        ++values;
    }
}

void birdnet_values_keep(const float *values, uint32_t count, float factor, uint16_t *kept,
                         uint32_t stride) {
    if (stride == 1u) {
        for (; count >= 4u; count -= 4u) {
            vstrhq_u32(kept, vcvtaq_u32_f32(vmulq_n_f32(vld1q_f32(values), factor)));
            values += 4;
            kept += 4;
        }
    }
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), stride);
    for (; count >= 4u; count -= 4u) {
        const uint32x4_t shares = vcvtaq_u32_f32(vmulq_n_f32(vld1q_f32(values), factor));
        vstrhq_scatter_shifted_offset_u32(kept, offsets, shares);
        values += 4;
        kept += 4u * stride;
    }
    for (; count > 0u; --count) {
        *kept = (uint16_t)(*values * factor + 0.5f);
        ++values;
        kept += stride;
    }
}

/* birdnet_grid_t as vectors. */
typedef struct {
    float offset;
    int32_t zero_point;
    int32x4_t minimum;
    int32x4_t maximum;
} limits_t;

static inline limits_t limits_of(const birdnet_grid_t *grid) {
    return (limits_t){
        .offset = grid->offset,
        .zero_point = grid->zero_point,
        .minimum = vdupq_n_s32(grid->minimum),
        .maximum = vdupq_n_s32(grid->maximum),
    };
}

/* Four int8 values in steps. `distances` receives their distances from the exact values. */
static inline int32x4_t round_x4(const limits_t *limits, uint32x4_t kept, float32x4_t step,
                                 float32x4_t *distances) {
    const float32x4_t exact = vfmasq_n_f32(vcvtq_f32_u32(kept), step, limits->offset);
    const float32x4_t nearest = vrndaq_f32(exact);
    *distances = vfmaq_n_f32(vabdq_f32(exact, nearest), exact, BIRDNET_MARGIN_RELATIVE);
    const int32x4_t steps = vmaxq_s32(vcvtq_s32_f32(nearest), limits->minimum);
    return vaddq_n_s32(vminq_s32(steps, limits->maximum), limits->zero_point);
}

_Bool birdnet_values_round(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                           float step, int8_t *rounded) {
    const limits_t limits = limits_of(grid);
    const float margin = birdnet_margin(grid->offset, step);
    const float32x4_t steps = vdupq_n_f32(step);
    float32x4_t farthest = vdupq_n_f32(0.0f);
    float32x4_t distances;
    for (; count >= 4u; count -= 4u) {
        vstrbq_s32(rounded, round_x4(&limits, vldrhq_u32(kept), steps, &distances));
        farthest = vmaxnmq_f32(farthest, distances);
        kept += 4;
        rounded += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    const int32x4_t last = round_x4(&limits, vldrhq_z_u32(kept, rest), steps, &distances);
    vstrbq_p_s32(rounded, last, rest);
    farthest = vmaxnmq_m_f32(farthest, farthest, distances, rest);
    return vmaxnmvq_f32(0.0f, farthest) < margin && !isnan(step);
}

/* The steps where the rounding is certain, NaN elsewhere. */
static inline float32x4_t sure_x4(float32x4_t distances, float32x4_t step, float margin) {
    const float32x4_t reach = vfmaq_n_f32(distances, step, BIRDNET_MARGIN_SHARE);
    return vpselq_f32(step, vdupq_n_f32(NAN), vcmpltq_n_f32(reach, margin));
}

void birdnet_values_round_each(const birdnet_grid_t *grid, const uint16_t *kept, uint32_t count,
                               float *steps, int8_t *rounded) {
    const limits_t limits = limits_of(grid);
    const float margin = birdnet_margin(grid->offset, 0.0f);
    float32x4_t distances;
    for (; count >= 4u; count -= 4u) {
        const float32x4_t step = vld1q_f32(steps);
        vstrbq_s32(rounded, round_x4(&limits, vldrhq_u32(kept), step, &distances));
        vst1q_f32(steps, sure_x4(distances, step, margin));
        steps += 4;
        kept += 4;
        rounded += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    const float32x4_t step = vld1q_z_f32(steps, rest);
    const int32x4_t last = round_x4(&limits, vldrhq_z_u32(kept, rest), step, &distances);
    vstrbq_p_s32(rounded, last, rest);
    vst1q_p_f32(steps, sure_x4(distances, step, margin), rest);
}

static inline float32x4_t load_bands(const float *values, uint32_t band, mve_pred16_t lanes) {
    return vld1q_z_f32(values + band, lanes);
}

void birdnet_values_mix(const birdnet_frontend_mixer_t *mixer, const birdnet_scaling_t *scaling,
                        float *values, uint32_t bands) {
    const float low = scaling->low;
    const float width = scaling->width;
    const float reciprocal = 1.0f / width;
    const float32x4_t zero = vdupq_n_f32(0.0f);
    for (uint32_t band = 0; band < bands; band += 4u) {
        const mve_pred16_t lanes = vctp32q(bands - band);
        const float32x4_t lows = vmulq_n_f32(load_bands(mixer->weight_sums, band, lanes), low);
        const float32x4_t above = vsubq_f32(load_bands(values, band, lanes), lows);
        const float32x4_t quotient = vmulq_n_f32(above, reciprocal);
        const float32x4_t energy =
            vmaxnmq_f32(birdnet_divide_x4(above, quotient, width, reciprocal), zero);
        float32x4_t value = vmulq_f32(load_bands(mixer->slopes, band, lanes), energy);
        for (uint32_t i = band; i < mixer->hinges * bands; i += bands) {
            float32x4_t hinge = vmulq_f32(load_bands(mixer->hinge_slopes, i, lanes), energy);
            hinge = vaddq_f32(hinge, load_bands(mixer->hinge_offsets, i, lanes));
            const float32x4_t factor = load_bands(mixer->hinge_factors, i, lanes);
            value = vaddq_f32(value, vmulq_f32(factor, vmaxnmq_f32(hinge, zero)));
        }
        vst1q_p_f32(values + band, value, lanes);
    }
}

void birdnet_values_subrange(const float *values, uint32_t count, float begin, float end,
                             float *shifted) {
    const float width = end - begin;
    const float reciprocal = 1.0f / width;
    for (uint32_t i = 0; i < count; i += 4u) {
        const mve_pred16_t lanes = vctp32q(count - i);
        float32x4_t value = vminnmq_f32(vld1q_z_f32(values + i, lanes), vdupq_n_f32(end));
        value = vsubq_n_f32(vmaxnmq_f32(value, vdupq_n_f32(begin)), begin);
        const float32x4_t quotient = vmulq_n_f32(value, reciprocal);
        vst1q_p_f32(shifted + i, birdnet_divide_x4(value, quotient, width, reciprocal), lanes);
    }
}

uint32_t birdnet_pcm_peak(const int16_t *pcm, uint32_t count) {
    uint16x8_t peaks = vdupq_n_u16(0);
    for (; count >= 8u; count -= 8u) {
        peaks = vmaxaq_s16(peaks, vld1q_s16(pcm));
        pcm += 8;
    }
    const mve_pred16_t rest = vctp16q(count);
    peaks = vmaxaq_m_s16(peaks, vld1q_z_s16(pcm, rest), rest);
    return vmaxvq_u16(0, peaks);
}

void birdnet_pcm_scale(const int16_t *pcm, uint32_t count, float *values) {
    for (; count >= 4u; count -= 4u) {
        vst1q_f32(values, vcvtq_n_f32_s32(vldrhq_s32(pcm), 15));
        pcm += 4;
        values += 4;
    }
    const mve_pred16_t rest = vctp32q(count);
    vst1q_p_f32(values, vcvtq_n_f32_s32(vldrhq_z_s32(pcm, rest), 15), rest);
}

#endif
