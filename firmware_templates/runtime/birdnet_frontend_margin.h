/**
 * @file
 * The distance from the middle between two int8 values at which the rounding of a kept value is
 * certain.
 *
 * A kept share differs from the exact share by at most 0.515: half a bit, plus three roundings of
 * 65535 to single precision. The product with the step, the offset, and the subtraction and the two
 * divisions that they replace each have an error of at most 2^-24, together at most 1e-6 of the
 * product and of the offset.
 */
#ifndef BIRDNET_FRONTEND_MARGIN_H
#define BIRDNET_FRONTEND_MARGIN_H

#include <math.h>

#define BIRDNET_MARGIN_SHARE 0.515f
#define BIRDNET_MARGIN_RELATIVE 1e-6f

/** The largest certain distance, minus BIRDNET_MARGIN_RELATIVE of the product. */
static inline float birdnet_margin(float offset, float step) {
    return 0.5f - BIRDNET_MARGIN_RELATIVE * (1.0f + 2.0f * fabsf(offset)) -
           BIRDNET_MARGIN_SHARE * step;
}

#endif
