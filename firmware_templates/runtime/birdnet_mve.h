/**
 * @file
 * Requantization of four values at a time on Helium. The results equal those of
 * birdnet_requantize(), bit by bit.
 */
#ifndef BIRDNET_MVE_H
#define BIRDNET_MVE_H

/* GCC would reorder these kernels so that the vectors no longer fit the eight registers and are
 * spilled to the stack. In the written order they fit. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2", "no-schedule-insns", "no-tree-ter", "no-ivopts")
#endif

#include "birdnet_kernels.h"

#include <arm_mve.h>
#include <stdbool.h>

/** Hides the origin of a pointer. Otherwise the compiler would compute the addresses of several
 * loads in advance and keep them on the stack, although an increment within a load costs nothing.
 */
#define BIRDNET_MVE_STEP(pointer) __asm__("" : "+l"(pointer))

/** What is known about the shifts and the range of a layer, to skip work for cases that cannot
 * happen. */
typedef enum {
    BIRDNET_ROUNDING_RECTIFIED, /**< negative results are clamped, so their halves may be rounded
                                 * either way
                                 */
    BIRDNET_ROUNDING_RIGHT,     /**< every shift goes to the right by at least 1 */
    BIRDNET_ROUNDING_ANY,       /**< shifts may also be 0 or to the left */
} birdnet_rounding_t;

/** The simplest rounding for shifts from `smallest` to `largest`. */
static inline birdnet_rounding_t birdnet_rounding(int32_t largest, const birdnet_output_t *result) {
    if (largest >= 0) {
        return BIRDNET_ROUNDING_ANY;
    }
    return result->minimum >= result->zero_point ? BIRDNET_ROUNDING_RECTIFIED
                                                 : BIRDNET_ROUNDING_RIGHT;
}

/** The simplest rounding for all channels of a layer. */
static inline birdnet_rounding_t birdnet_rounding_of(const int8_t *shifts, int32_t channels,
                                                     const birdnet_output_t *result) {
    int32_t largest = INT8_MIN;
    for (int32_t i = 0; i < channels; ++i) {
        largest = shifts[i] > largest ? shifts[i] : largest;
    }
    return birdnet_rounding(largest, result);
}

/** birdnet_requantize() of four values. vrshlq rounds a half up. Therefore 1 is subtracted from
 * negative values first. */
static inline int32x4_t birdnet_requantize_x4(int32x4_t value, int32x4_t multiplier,
                                              int32x4_t shift, birdnet_rounding_t rounding) {
    if (rounding == BIRDNET_ROUNDING_ANY) {
        const int32x4_t zero = vdupq_n_s32(0);
        const int32x4_t right = vminq_s32(shift, zero);
        value = vqrdmulhq_s32(vshlq_s32(value, vmaxq_s32(shift, zero)), multiplier);
        value = vaddq_s32(value, vshrq_n_s32(vandq_s32(value, right), 31));
        return vrshlq_s32(value, right);
    }
    value = vqrdmulhq_s32(value, multiplier);
    if (rounding == BIRDNET_ROUNDING_RIGHT) {
        value = vaddq_s32(value, vshrq_n_s32(value, 31));
    }
    return vrshlq_s32(value, shift);
}

/** birdnet_requantize() of four values by one factor. */
static inline int32x4_t birdnet_rescale_x4(int32x4_t value, birdnet_scale_t scale,
                                           birdnet_rounding_t rounding) {
    if (rounding == BIRDNET_ROUNDING_ANY) {
        return birdnet_requantize_x4(value, vdupq_n_s32(scale.multiplier), vdupq_n_s32(scale.shift),
                                     rounding);
    }
    value = vqrdmulhq_n_s32(value, scale.multiplier);
    if (rounding == BIRDNET_ROUNDING_RIGHT) {
        value = vaddq_s32(value, vshrq_n_s32(value, 31));
    }
    return vrshlq_n_s32(value, scale.shift);
}

/** Adds the zero point and clamps. */
static inline int32x4_t birdnet_clamp_x4(int32x4_t value, birdnet_output_t result) {
    value = vaddq_n_s32(value, result.zero_point);
    value = vmaxq_s32(value, vdupq_n_s32(result.minimum));
    return vminq_s32(value, vdupq_n_s32(result.maximum));
}

/** Whether an operand of a sum has the factor 1/2, which is the case if its scale is the larger
 * one. */
static inline bool birdnet_is_half(birdnet_scale_t scale) {
    return scale.multiplier == INT32_C(1) << 30 && scale.shift == 0;
}

/** An operand of a sum: birdnet_requantize((value - zero_point) * 2^20). */
static inline int32x4_t birdnet_term_x4(int32x4_t value, int32_t zero_point, birdnet_scale_t scale,
                                        birdnet_rounding_t rounding) {
    const int32_t unit = INT32_C(1) << 20;
    value = vmlasq_n_s32(value, vdupq_n_s32(unit), -zero_point * unit);
    return birdnet_rescale_x4(value, scale, rounding);
}

/** The same plus `sum`, for the factor 1/2, which needs no product. */
static inline int32x4_t birdnet_add_half_x4(int32x4_t sum, int32x4_t value, int32_t zero_point) {
    const int32_t unit = INT32_C(1) << 19;
    return vaddq_n_s32(vmlaq_n_s32(sum, value, unit), -zero_point * unit);
}

#endif
