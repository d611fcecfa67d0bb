/* birdnet_quantize_to() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)

#include "birdnet_float_mve.h"

typedef struct {
    float scale;
    float reciprocal;
    int32_t zero_point;
    int32x4_t minimum; /* in steps from the zero point */
    int32x4_t maximum;
} grid_t;

static inline int32x4_t quantize(const grid_t *grid, float32x4_t value) {
    const float limit = 1024.0f; /* avoids a remainder of infinity - infinity */
    const float32x4_t rough = vmulq_n_f32(value, grid->reciprocal);
    const float32x4_t near =
        vmaxnmq_f32(vminnmq_f32(rough, vdupq_n_f32(limit)), vdupq_n_f32(-limit));
    /* A half is rounded away from zero. NaN gives 0. */
    int32x4_t steps = vcvtaq_s32_f32(birdnet_divide_x4(value, near, grid->scale, grid->reciprocal));
    steps = vminq_s32(vmaxq_s32(steps, grid->minimum), grid->maximum);
    return vaddq_n_s32(steps, grid->zero_point);
}

birdnet_status_t birdnet_quantize_to(const birdnet_affine_t *layer, const float *input,
                                     int8_t *output, int32_t stride) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const grid_t grid = {
        .scale = layer->scale,
        .reciprocal = 1.0f / layer->scale,
        .zero_point = layer->zero_point,
        .minimum = vdupq_n_s32(INT8_MIN - layer->zero_point),
        .maximum = vdupq_n_s32(INT8_MAX - layer->zero_point),
    };
    int32_t left = layer->elements;
    for (; stride == 1 && left >= 4; left -= 4) {
        vstrbq_s32(output, quantize(&grid, vld1q_f32(input)));
        input += 4;
        output += 4;
    }
    const uint32x4_t offsets = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)stride);
    for (; left > 0; left -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)left);
        const int32x4_t steps = quantize(&grid, vld1q_z_f32(input, lanes));
        vstrbq_scatter_offset_p_s32(output, offsets, steps, lanes);
        input += 4;
        output += 4 * stride;
    }
    return BIRDNET_OK;
}

#endif
