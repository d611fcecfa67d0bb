/**
 * @file
 * Loads of an operand on Helium. The operand is row-major, or one value for a whole row.
 */
#ifndef BIRDNET_BROADCAST_MVE_H
#define BIRDNET_BROADCAST_MVE_H

#include "birdnet_mve.h"

/** The next four values. `stride` is 1, or 0 if the value is repeated. */
static inline int32x4_t birdnet_next_x4(const int8_t *x, int32_t stride, mve_pred16_t lanes) {
    return stride == 0 ? vdupq_n_s32(*x) : vldrbq_z_s32(x, lanes);
}

/** The next sixteen values. */
static inline int8x16_t birdnet_next_x16(const int8_t *x, int32_t stride, mve_pred16_t lanes) {
    return stride == 0 ? vdupq_n_s8(*x) : vldrbq_z_s8(x, lanes);
}

#endif
