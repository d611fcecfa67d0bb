/**
 * @file
 * How near to half way between two int8 a kept value may be for its rounding to be sure.
 *
 * A kept share is within 0.515 of what it stands for: half a bit, and three roundings of 65535 to
 * single precision. The product with the step and the offset, and the subtraction and the two
 * divisions that it stands for, are each within 2^-24, together within 1e-6 of the product and of
 * the offset.
 */
#ifndef BIRDNET_FRONTEND_MARGIN_H
#define BIRDNET_FRONTEND_MARGIN_H

#include <math.h>

#define BIRDNET_MARGIN_SHARE 0.515f
#define BIRDNET_MARGIN_RELATIVE 1e-6f

/** The largest sure distance, less BIRDNET_MARGIN_RELATIVE of the product. */
static inline float birdnet_margin(float offset, float step) {
    return 0.5f - BIRDNET_MARGIN_RELATIVE * (1.0f + 2.0f * fabsf(offset)) -
           BIRDNET_MARGIN_SHARE * step;
}

#endif
