#include "birdnet_kernels.h"

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"

#define KERNEL static __attribute__((noinline)) void
#define INLINE static inline __attribute__((always_inline))

/** Channels of some pixels. */
typedef struct {
    const birdnet_pointwise_conv2d_add_t *layer;
    const birdnet_tile_stage_t *stage;
    const int32_t *sums;
    int32_t pixels;
    int32_t first;    /**< of the channels */
    int32_t channels; /**< how many */
    const int8_t *const *other;
    int8_t *const *output;
} part_t;

/** Any channels. */
KERNEL store_any(const part_t *part) {
    const birdnet_pointwise_conv2d_add_t *layer = part->layer;
    const birdnet_rounding_t any = BIRDNET_ROUNDING_ANY;
    for (int32_t p = 0; p < part->pixels; ++p) {
        const int32_t *sums = part->sums + p * BIRDNET_TILE_CHANNELS;
        for (int32_t i = 0; i < part->channels; i += 4) {
            const int32_t c = part->first + i;
            const mve_pred16_t lanes = vctp32q((uint32_t)(part->channels - i));
            int32x4_t own = vaddq_s32(vldrwq_s32(sums + i), vldrwq_s32(part->stage->bias + c));
            own = birdnet_requantize_x4(own, vldrwq_s32(part->stage->multipliers + c),
                                        vldrbq_s32(part->stage->shifts + c), any);
            own = birdnet_term_x4(birdnet_clamp_x4(own, layer->result), layer->result.zero_point,
                                  layer->own_scale, any);
            const int32x4_t other =
                birdnet_term_x4(vldrbq_z_s32(part->other[p] + c, lanes), layer->other_zero_point,
                                layer->other_scale, any);
            const int32x4_t sum = birdnet_rescale_x4(vaddq_s32(own, other), layer->sum_scale, any);
            vstrbq_p_s32(part->output[p] + c, birdnet_clamp_x4(sum, layer->sum), lanes);
        }
    }
}

/** All shifts go right, the sum is rectified, and one operand, the own or not, has the factor 1/2;
 * channels come in fours. */
INLINE void store_quick(const part_t *part, bool half_is_own) {
    const birdnet_pointwise_conv2d_add_t *layer = part->layer;
    const birdnet_rounding_t right = BIRDNET_ROUNDING_RIGHT;
    const int32_t own_zero = layer->result.zero_point;
    /* The own zero point would be added and taken away again. */
    const int32_t own_minimum = layer->result.minimum - own_zero;
    const int32_t own_maximum = layer->result.maximum - own_zero;
    const birdnet_output_t result = layer->sum;
    const birdnet_scale_t scale = half_is_own ? layer->other_scale : layer->own_scale;
    const birdnet_scale_t sum_scale = layer->sum_scale;
    const int32_t other_zero = layer->other_zero_point;
    const part_t local = *part;
#pragma GCC unroll 1
    for (int32_t p = 0; p < local.pixels; ++p) {
        const int32_t *sums = local.sums + p * BIRDNET_TILE_CHANNELS;
        const int32_t *bias = local.stage->bias + local.first;
        const int32_t *multipliers = local.stage->multipliers + local.first;
        const int8_t *shifts = local.stage->shifts + local.first;
        const int8_t *other = local.other[p] + local.first;
        int8_t *output = local.output[p] + local.first;
#pragma GCC unroll 1
        for (int32_t blocks = local.channels / 4; blocks > 0; --blocks) {
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
        }
    }
}

KERNEL store_half_own(const part_t *part) {
    store_quick(part, true);
}

KERNEL store_half_other(const part_t *part) {
    store_quick(part, false);
}

void birdnet_tile_store_sum(const birdnet_pointwise_conv2d_add_t *layer,
                            const birdnet_tile_stage_t *stage, const birdnet_tile_sums_t *sums,
                            int32_t first, int32_t channels,
                            const int8_t *const other[BIRDNET_TILE_PIXELS],
                            int8_t *const output[BIRDNET_TILE_PIXELS]) {
    /* Not the last pixel once more, whose operand the sum may have replaced. */
    int32_t pixels = 1;
    while (pixels < BIRDNET_TILE_PIXELS && output[pixels] != output[pixels - 1]) {
        ++pixels;
    }
    const part_t part = {layer, stage, sums->of[0], pixels, first, channels, other, output};
    const bool quick =
        stage->rounding != BIRDNET_ROUNDING_ANY && channels % 4 == 0 &&
        birdnet_rounding(layer->sum_scale.shift, &layer->sum) == BIRDNET_ROUNDING_RECTIFIED;
    if (quick && birdnet_is_half(layer->other_scale) && layer->own_scale.shift < 0) {
        store_half_other(&part);
    } else if (quick && birdnet_is_half(layer->own_scale) && layer->other_scale.shift < 0) {
        store_half_own(&part);
    } else {
        store_any(&part);
    }
}

#endif
