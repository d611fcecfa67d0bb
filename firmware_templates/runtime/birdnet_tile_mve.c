#include "birdnet_kernels.h"

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_tile_mve.h"

/* One of these for each rounding, so that no channel decides anew. */
static inline __attribute__((always_inline)) void
store(const birdnet_tile_stage_t *stage, const int32_t *sums, int32_t first, int32_t channels,
      int8_t *const output[BIRDNET_TILE_PIXELS], birdnet_rounding_t rounding) {
    const birdnet_output_t result = stage->result;
    const int32_t *bias = stage->bias + first;
    const int32_t *multipliers = stage->multipliers + first;
    const int8_t *shifts = stage->shifts + first;
    int8_t *y0 = output[0] + first;
    int8_t *y1 = output[1] + first;
    int8_t *y2 = output[2] + first;
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

void birdnet_tile_store(const birdnet_tile_stage_t *stage, const birdnet_tile_sums_t *sums,
                        int32_t first, int32_t channels,
                        int8_t *const output[BIRDNET_TILE_PIXELS]) {
    if (stage->rounding == BIRDNET_ROUNDING_RECTIFIED) {
        store(stage, sums->of[1], first, channels, output, BIRDNET_ROUNDING_RECTIFIED);
    } else if (stage->rounding == BIRDNET_ROUNDING_RIGHT) {
        store(stage, sums->of[1], first, channels, output, BIRDNET_ROUNDING_RIGHT);
    } else {
        store(stage, sums->of[1], first, channels, output, BIRDNET_ROUNDING_ANY);
    }
}

#endif
