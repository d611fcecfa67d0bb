/**
 * @file
 * Requantization of a 32-bit accumulator to an 8-bit value, with the order of roundings that TFLite
 * defines.
 */
#ifndef BIRDNET_REQUANTIZE_H
#define BIRDNET_REQUANTIZE_H

#include <assert.h>
#include <stdint.h>

static_assert((-3 >> 1) == -2, "a right shift of a negative number must round down");

/**
 * value * multiplier / 2^31, rounded to nearest. A half is rounded up.
 *
 * @param value      any, unless both are INT32_MIN
 * @param multiplier fixed point with 31 fractional bits
 */
static inline int32_t birdnet_multiply_high(int32_t value, int32_t multiplier) {
    return (int32_t)(((int64_t)value * multiplier + (INT64_C(1) << 30)) >> 31);
}

/**
 * value / 2^exponent, rounded to nearest. A half is rounded away from zero.
 *
 * @param exponent 0 to 31
 */
static inline int32_t birdnet_divide_by_power(int32_t value, int32_t exponent) {
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t remainder = value & mask;
    const int32_t threshold = (mask >> 1) + (value < 0 ? 1 : 0);
    return (value >> exponent) + (remainder > threshold ? 1 : 0);
}

/**
 * value * multiplier * 2^(shift - 31), rounded twice: after the product and after the shift to the
 * right.
 *
 * @param value      value * 2^shift must also fit 32 bits, which the generator proves
 * @param multiplier 0 to 2^31 - 1
 * @param shift      -31 to 30
 */
static inline int32_t birdnet_requantize(int32_t value, int32_t multiplier, int32_t shift) {
    if (shift > 0) {
        return birdnet_multiply_high(value * (INT32_C(1) << shift), multiplier);
    }
    return birdnet_divide_by_power(birdnet_multiply_high(value, multiplier), -shift);
}

/** `value`, clamped to [minimum, maximum], which lies within int8_t. */
static inline int8_t birdnet_clamp(int32_t value, int32_t minimum, int32_t maximum) {
    const int32_t raised = value < minimum ? minimum : value;
    return (int8_t)(raised > maximum ? maximum : raised);
}

#endif
