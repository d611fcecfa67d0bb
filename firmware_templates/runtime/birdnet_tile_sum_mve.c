#include "birdnet_kernels.h"

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"

#define KERNEL static __attribute__((noinline)) void
#define INLINE static inline __attribute__((always_inline))

/** Any channels. */
KERNEL store_any(const birdnet_pointwise_conv2d_add_t *layer, const birdnet_tile_t *tile,
                 int32_t pixels, const int8_t *const others[BIRDNET_TILE_PIXELS]) {
    const birdnet_rounding_t any = BIRDNET_ROUNDING_ANY;
    for (int32_t p = 0; p < pixels; ++p) {
        const int32_t *sums = tile->sums[p];
        for (int32_t i = 0; i < tile->channels; i += 4) {
            const int32_t c = tile->first + i;
            const mve_pred16_t lanes = vctp32q((uint32_t)(tile->channels - i));
            int32x4_t own = vaddq_s32(vldrwq_s32(sums + i), vldrwq_s32(layer->bias + c));
            own = birdnet_requantize_x4(own, vldrwq_s32(layer->multipliers + c),
                                        vldrbq_s32(layer->shifts + c), any);
            own = birdnet_term_x4(birdnet_clamp_x4(own, layer->result), layer->result.zero_point,
                                  layer->own_scale, any);
            const int32x4_t other =
                birdnet_term_x4(vldrbq_z_s32(others[p] + c, lanes), layer->other_zero_point,
                                layer->other_scale, any);
            const int32x4_t sum = birdnet_rescale_x4(vaddq_s32(own, other), layer->sum_scale, any);
            vstrbq_p_s32(tile->output[p] + c, birdnet_clamp_x4(sum, layer->sum), lanes);
        }
    }
}

/** For shifts to the right only, a ReLU after the sum, and an operand (the own or the other) with
 * the factor 1/2. The number of channels is a multiple of 4. */
INLINE void store_quick(const birdnet_pointwise_conv2d_add_t *layer, const birdnet_tile_t *tile,
                        int32_t pixels, const int8_t *const others[BIRDNET_TILE_PIXELS],
                        bool half_is_own) {
    const birdnet_rounding_t right = BIRDNET_ROUNDING_RIGHT;
    const int32_t own_zero = layer->result.zero_point;
    /* The zero point of the convolution would be added and subtracted again. */
    const int32_t own_minimum = layer->result.minimum - own_zero;
    const int32_t own_maximum = layer->result.maximum - own_zero;
    const birdnet_output_t result = layer->sum;
    const birdnet_scale_t scale = half_is_own ? layer->other_scale : layer->own_scale;
    const birdnet_scale_t sum_scale = layer->sum_scale;
    const int32_t other_zero = layer->other_zero_point;
    const int32_t *sums = tile->sums[0];
    const int32_t first = tile->first;
#pragma GCC unroll 1
    for (int32_t p = 0; p < pixels; ++p) {
        const int32_t *bias = layer->bias + first;
        const int32_t *multipliers = layer->multipliers + first;
        const int8_t *shifts = layer->shifts + first;
        const int8_t *other = others[p] + first;
        int8_t *output = tile->output[p] + first;
        int32_t blocks = tile->channels / 4;
#pragma GCC unroll 1
        do {
            int32x4_t own = vaddq_s32(vldrwq_s32(sums), vldrwq_s32(bias));
            own = birdnet_requantize_x4(own, vldrwq_s32(multipliers), vldrbq_s32(shifts), right);
            own = vmaxq_s32(own, vdupq_n_s32(own_minimum));
            own = vminq_s32(own, vdupq_n_s32(own_maximum));
            const int32x4_t added = vldrbq_s32(other);
            int32x4_t sum;
            if (half_is_own) {
                sum = birdnet_term_x4(added, other_zero, scale, right);
                sum = vmlaq_n_s32(sum, own, INT32_C(1) << 19);
            } else {
                sum = birdnet_rescale_x4(vshlq_n_s32(own, 20), scale, right);
                sum = birdnet_add_half_x4(sum, added, other_zero);
            }
            sum = birdnet_rescale_x4(sum, sum_scale, BIRDNET_ROUNDING_RECTIFIED);
            vstrbq_s32(output, birdnet_clamp_x4(sum, result));
            sums += 4;
            bias += 4;
            multipliers += 4;
            shifts += 4;
            other += 4;
            output += 4;
        } while (--blocks > 0);
        sums += BIRDNET_TILE_CHANNELS - tile->channels;
    }
}

KERNEL store_half_own(const birdnet_pointwise_conv2d_add_t *layer, const birdnet_tile_t *tile,
                      int32_t pixels, const int8_t *const others[BIRDNET_TILE_PIXELS]) {
    store_quick(layer, tile, pixels, others, true);
}

KERNEL store_half_other(const birdnet_pointwise_conv2d_add_t *layer, const birdnet_tile_t *tile,
                        int32_t pixels, const int8_t *const others[BIRDNET_TILE_PIXELS]) {
    store_quick(layer, tile, pixels, others, false);
}

birdnet_tile_half_t birdnet_tile_half(const birdnet_pointwise_conv2d_add_t *layer,
                                      birdnet_rounding_t rounding) {
    const bool quick =
        rounding != BIRDNET_ROUNDING_ANY && layer->output_channels % 4 == 0 &&
        birdnet_rounding(layer->sum_scale.shift, &layer->sum) == BIRDNET_ROUNDING_RECTIFIED;
    if (quick && birdnet_is_half(layer->other_scale) && layer->own_scale.shift < 0) {
        return BIRDNET_TILE_HALF_OTHER;
    }
    if (quick && birdnet_is_half(layer->own_scale) && layer->other_scale.shift < 0) {
        return BIRDNET_TILE_HALF_OWN;
    }
    return BIRDNET_TILE_HALF_NONE;
}

void birdnet_tile_store_sum(const birdnet_pointwise_conv2d_add_t *layer, birdnet_tile_half_t half,
                            const birdnet_tile_t *tile, int32_t pixels,
                            const int8_t *const others[BIRDNET_TILE_PIXELS]) {
    if (half == BIRDNET_TILE_HALF_OTHER) {
        store_half_other(layer, tile, pixels, others);
    } else if (half == BIRDNET_TILE_HALF_OWN) {
        store_half_own(layer, tile, pixels, others);
    } else {
        store_any(layer, tile, pixels, others);
    }
}

#endif
