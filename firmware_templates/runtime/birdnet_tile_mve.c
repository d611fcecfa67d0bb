#include "birdnet_kernels.h"

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"

#define INLINE static inline __attribute__((always_inline))

INLINE void multiply(const int8_t *const input[BIRDNET_TILE_PIXELS], const int8_t *weights,
                     int32_t stride, int32_t blocks, int32_t outputs, int32_t *sums, bool more) {
#pragma GCC unroll 1
    do {
        const int8_t *x0 = input[0];
        const int8_t *x1 = input[1];
        const int8_t *x2 = input[2];
        const int8_t *first = weights;
        const int8_t *second = weights + stride;
        int32_t s00 = more ? sums[0] : 0;
        int32_t s01 = more ? sums[1] : 0;
        int32_t s10 = more ? sums[BIRDNET_TILE_CHANNELS] : 0;
        int32_t s11 = more ? sums[BIRDNET_TILE_CHANNELS + 1] : 0;
        int32_t s20 = more ? sums[2 * BIRDNET_TILE_CHANNELS] : 0;
        int32_t s21 = more ? sums[2 * BIRDNET_TILE_CHANNELS + 1] : 0;
        int32_t left = blocks;
#pragma GCC unroll 1
        do {
            const int8x16_t w0 = vldrbq_s8(first);
            const int8x16_t w1 = vldrbq_s8(second);
            int8x16_t x = vldrbq_s8(x0);
            s00 = vmladavaq_s8(s00, w0, x);
            s01 = vmladavaq_s8(s01, w1, x);
            x = vldrbq_s8(x1);
            s10 = vmladavaq_s8(s10, w0, x);
            s11 = vmladavaq_s8(s11, w1, x);
            x = vldrbq_s8(x2);
            s20 = vmladavaq_s8(s20, w0, x);
            s21 = vmladavaq_s8(s21, w1, x);
            first += 16;
            second += 16;
            x0 += 16;
            x1 += 16;
            x2 += 16;
        } while (--left > 0);
        weights += 2 * stride;
        birdnet_tile_put(sums, s00, s01, s10, s11, s20, s21);
        sums += 2;
        outputs -= 2;
    } while (outputs > 0);
}

void birdnet_tile_multiply(const int8_t *const input[BIRDNET_TILE_PIXELS], const int8_t *weights,
                           int32_t stride, int32_t blocks, birdnet_tile_t *tile) {
    multiply(input, weights, stride, blocks, tile->channels, tile->sums[0], false);
}

void birdnet_tile_multiply_more(const int8_t *const input[BIRDNET_TILE_PIXELS],
                                const int8_t *weights, int32_t stride, int32_t blocks,
                                birdnet_tile_t *tile) {
    multiply(input, weights, stride, blocks, tile->channels, tile->sums[0], true);
}

void birdnet_tile_multiply_32(const int8_t *const input[BIRDNET_TILE_PIXELS], const int8_t *weights,
                              birdnet_tile_t *tile) {
    int32_t *sums = tile->sums[0];
    int32_t pairs = (tile->channels + 1) / 2;
    const int8x16_t x00 = vldrbq_s8(input[0]);
    const int8x16_t x10 = vldrbq_s8(input[1]);
    const int8x16_t x20 = vldrbq_s8(input[2]);
    const int8x16_t x01 = vldrbq_s8(input[0] + 16);
    const int8x16_t x11 = vldrbq_s8(input[1] + 16);
    const int8x16_t x21 = vldrbq_s8(input[2] + 16);
#pragma GCC unroll 1
    do {
        int8x16_t w = vldrbq_s8(weights);
        weights += 16;
        BIRDNET_MVE_STEP(weights);
        int32_t s00 = vmladavq_s8(w, x00);
        int32_t s10 = vmladavq_s8(w, x10);
        int32_t s20 = vmladavq_s8(w, x20);
        w = vldrbq_s8(weights);
        weights += 16;
        BIRDNET_MVE_STEP(weights);
        s00 = vmladavaq_s8(s00, w, x01);
        s10 = vmladavaq_s8(s10, w, x11);
        s20 = vmladavaq_s8(s20, w, x21);
        w = vldrbq_s8(weights);
        weights += 16;
        BIRDNET_MVE_STEP(weights);
        int32_t s01 = vmladavq_s8(w, x00);
        int32_t s11 = vmladavq_s8(w, x10);
        int32_t s21 = vmladavq_s8(w, x20);
        w = vldrbq_s8(weights);
        weights += 16;
        s01 = vmladavaq_s8(s01, w, x01);
        s11 = vmladavaq_s8(s11, w, x11);
        s21 = vmladavaq_s8(s21, w, x21);
        birdnet_tile_put(sums, s00, s01, s10, s11, s20, s21);
        sums += 2;
    } while (--pairs > 0);
}

#define KERNEL static __attribute__((noinline)) void

/** Eight channels at a time with a ReLU over the whole range of int8_t, so that saturation does the
 * clamping. The sums of the even and of the odd channels lie in two vectors. Narrowing interleaves
 * them again. */
KERNEL store_saturated(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile) {
    const int32_t first = tile->first;
    const int32_t *sums = tile->sums[0];
    const int16_t zero_point = (int16_t)stage->result.zero_point;
    const int32_t *next_bias = stage->bias + first;
    const int32_t *next_multipliers = stage->multipliers + first;
    const int8_t *next_shifts = stage->shifts + first;
    int8_t *y0 = tile->output[0] + first;
    int8_t *y1 = tile->output[1] + first;
    int8_t *y2 = tile->output[2] + first;
    int32_t blocks = tile->channels / 8;
#pragma GCC unroll 1
    do {
        const int32x4x2_t multipliers = vld2q_s32(next_multipliers);
        const int16x8_t shifts = vldrbq_s16(next_shifts);
        const int32x4_t even_shifts = vmovlbq_s16(shifts);
        const int32x4_t odd_shifts = vmovltq_s16(shifts);
#pragma GCC unroll 3
        for (int32_t p = 0; p < BIRDNET_TILE_PIXELS; ++p) {
            BIRDNET_MVE_STEP(next_bias);
            const int32x4x2_t bias = vld2q_s32(next_bias);
            const int32x4x2_t own = vld2q_s32(sums + p * BIRDNET_TILE_CHANNELS);
            int32x4_t even = vaddq_s32(own.val[0], bias.val[0]);
            int32x4_t odd = vaddq_s32(own.val[1], bias.val[1]);
            even = birdnet_requantize_x4(even, multipliers.val[0], even_shifts,
                                         BIRDNET_ROUNDING_RECTIFIED);
            odd = birdnet_requantize_x4(odd, multipliers.val[1], odd_shifts,
                                        BIRDNET_ROUNDING_RECTIFIED);
            int16x8_t values = vqmovnbq_s32(vreinterpretq_s16_s32(even), even);
            values = vqaddq_n_s16(vqmovntq_s32(values, odd), zero_point);
            const int8x16_t narrow = vqmovnbq_s16(vreinterpretq_s8_s16(values), values);
            vstrbq_s16(p == 0 ? y0 : p == 1 ? y1 : y2, vreinterpretq_s16_s8(narrow));
        }
        next_bias += 8;
        next_multipliers += 8;
        next_shifts += 8;
        sums += 8;
        y0 += 8;
        y1 += 8;
        y2 += 8;
    } while (--blocks > 0);
}

/* One loop for each rounding, so that the choice is not made for every channel. */
INLINE void store(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile,
                  birdnet_rounding_t rounding) {
    const birdnet_output_t result = stage->result;
    const int32_t first = tile->first;
    const int32_t *sums = tile->sums[1];
    int32_t channels = tile->channels;
    const int32_t *bias = stage->bias + first;
    const int32_t *multipliers = stage->multipliers + first;
    const int8_t *shifts = stage->shifts + first;
    int8_t *y0 = tile->output[0] + first;
    int8_t *y1 = tile->output[1] + first;
    int8_t *y2 = tile->output[2] + first;
#pragma GCC unroll 1
    while (channels > 0) {
        const int32x4_t b = vldrwq_s32(bias);
        const int32x4_t m = vldrwq_s32(multipliers);
        const int32x4_t s = vldrbq_s32(shifts);
        int32x4_t v0 = vaddq_s32(vldrwq_s32(sums - BIRDNET_TILE_CHANNELS), b);
        int32x4_t v1 = vaddq_s32(vldrwq_s32(sums), b);
        int32x4_t v2 = vaddq_s32(vldrwq_s32(sums + BIRDNET_TILE_CHANNELS), b);
        v0 = birdnet_clamp_x4(birdnet_requantize_x4(v0, m, s, rounding), result);
        v1 = birdnet_clamp_x4(birdnet_requantize_x4(v1, m, s, rounding), result);
        v2 = birdnet_clamp_x4(birdnet_requantize_x4(v2, m, s, rounding), result);
        if (channels < 4) {
            const mve_pred16_t rest = vctp32q((uint32_t)channels);
            vstrbq_p_s32(y0, v0, rest);
            vstrbq_p_s32(y1, v1, rest);
            vstrbq_p_s32(y2, v2, rest);
            return;
        }
        vstrbq_s32(y0, v0);
        vstrbq_s32(y1, v1);
        vstrbq_s32(y2, v2);
        bias += 4;
        multipliers += 4;
        shifts += 4;
        sums += 4;
        y0 += 4;
        y1 += 4;
        y2 += 4;
        channels -= 4;
    }
}

KERNEL store_right(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile) {
    store(stage, tile, BIRDNET_ROUNDING_RIGHT);
}

KERNEL store_any(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile) {
    store(stage, tile, BIRDNET_ROUNDING_ANY);
}

birdnet_tile_stage_t birdnet_tile_stage(const int32_t *bias, const int32_t *multipliers,
                                        const int8_t *shifts, int32_t channels,
                                        birdnet_output_t result) {
    const birdnet_rounding_t rounding = birdnet_rounding_of(shifts, channels, &result);
    return (birdnet_tile_stage_t){
        .bias = bias,
        .multipliers = multipliers,
        .shifts = shifts,
        .result = result,
        .rounding = rounding,
        .saturated = rounding == BIRDNET_ROUNDING_RECTIFIED && result.minimum == INT8_MIN &&
                     result.maximum == INT8_MAX,
    };
}

void birdnet_tile_store(const birdnet_tile_stage_t *stage, const birdnet_tile_t *tile) {
    if (stage->saturated && tile->channels % 8 == 0) {
        store_saturated(stage, tile);
    } else if (stage->rounding == BIRDNET_ROUNDING_ANY) {
        store_any(stage, tile);
    } else {
        store_right(stage, tile);
    }
}

#endif
