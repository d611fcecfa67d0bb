/**
 * @file
 * Values of an operand that is row-major or repeats one value for a whole row, on Helium.
 */
#ifndef BIRDNET_BROADCAST_MVE_H
#define BIRDNET_BROADCAST_MVE_H

#include "birdnet_mve.h"

/** The next four; `stride` is 1, or 0 where the value repeats. */
static inline int32x4_t birdnet_next_x4(const int8_t *x, int32_t stride, mve_pred16_t lanes) {
    return stride == 0 ? vdupq_n_s32(*x) : vldrbq_z_s32(x, lanes);
}

/** The next sixteen. */
static inline int8x16_t birdnet_next_x16(const int8_t *x, int32_t stride, mve_pred16_t lanes) {
    return stride == 0 ? vdupq_n_s8(*x) : vldrbq_z_s8(x, lanes);
}

#endif
