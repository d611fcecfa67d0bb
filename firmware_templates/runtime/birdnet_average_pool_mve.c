/* birdnet_average_pool() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_mve.h"
#include "birdnet_window.h"

/** Constants to divide four sums by the number of their values. */
typedef struct {
    uint32_t count;
    uint32_t reciprocal; /**< 2^32 / (2 * count), rounded up */
} divisor_t;

/** sum / count. A half is rounded away from zero. */
static inline int32x4_t divide(int32x4_t sum, divisor_t by) {
    const uint32x4_t twice = vshlq_n_u32(vreinterpretq_u32_s32(vabsq_s32(sum)), 1);
    const uint32x4_t dividend = vaddq_n_u32(twice, by.count);
    /* The right quotient, or one more. In that case the remainder is negative. */
    const uint32x4_t high = vmulhq_u32(dividend, vdupq_n_u32(by.reciprocal));
    const uint32x4_t remainder = vsubq_u32(dividend, vmulq_n_u32(high, 2u * by.count));
    const int32x4_t excess = vshrq_n_s32(vreinterpretq_s32_u32(remainder), 31);
    const int32x4_t quotient = vaddq_s32(vreinterpretq_s32_u32(high), excess);
    const int32x4_t sign = vshrq_n_s32(sum, 31);
    return vsubq_s32(veorq_s32(quotient, sign), sign);
}

birdnet_status_t birdnet_average_pool(const birdnet_pool_t *layer, const int8_t *input,
                                      int8_t *output) {
    if (layer == NULL || input == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_window_t *window = &layer->window;
    const int32_t width = layer->input.width;
    const int32_t channels = layer->input.channels;
    const int32x4_t minimum = vdupq_n_s32(layer->minimum);
    const int32x4_t maximum = vdupq_n_s32(layer->maximum);
    for (int32_t y = 0; y < layer->output.height; ++y) {
        const birdnet_taps_t rows = birdnet_taps(y, window->stride_height, window->pad_top,
                                                 window->height, layer->input.height);
        for (int32_t x = 0; x < layer->output.width; ++x) {
            const birdnet_taps_t columns =
                birdnet_taps(x, window->stride_width, window->pad_left, window->width, width);
            const int32_t corner =
                (rows.origin + rows.first) * width + columns.origin + columns.first;
            const uint32_t count =
                (uint32_t)((rows.end - rows.first) * (columns.end - columns.first));
            const divisor_t by = {count, UINT32_MAX / (2u * count) + 1u};
            for (int32_t c = 0; c < channels; c += 4) {
                const mve_pred16_t lanes = vctp32q((uint32_t)(channels - c));
                const int8_t *row = input + corner * channels + c;
                int32x4_t sum = vdupq_n_s32(0);
                for (int32_t i = rows.end - rows.first; i > 0; --i) {
                    const int8_t *tap = row;
                    for (int32_t j = columns.end - columns.first; j > 0; --j) {
                        sum = vaddq_s32(sum, vldrbq_z_s32(tap, lanes));
                        tap += channels;
                    }
                    row += width * channels;
                }
                const int32x4_t mean = vmaxq_s32(divide(sum, by), minimum);
                vstrbq_p_s32(output + c, vminq_s32(mean, maximum), lanes);
            }
            output += channels;
        }
    }
    return BIRDNET_OK;
}

#endif
