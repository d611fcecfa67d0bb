/**
 * @file
 * Correctly rounded square roots and quotients of four floats on Helium, which has instructions for
 * neither.
 */
#ifndef BIRDNET_FLOAT_MVE_H
#define BIRDNET_FLOAT_MVE_H

#include <arm_mve.h>
#include <stdint.h>

#include "birdnet_float.h"

/* See birdnet_mve.h. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O2", "no-schedule-insns", "no-tree-ter", "no-ivopts")
#endif

/** Square roots. The scalar registers are the lanes of the vector, so no value is moved. */
static inline float32x4_t birdnet_sqrt_x4(float32x4_t value) {
    register float32x4_t roots __asm("q0") = value;
    __asm("vsqrt.f32 s0, s0\n\t"
          "vsqrt.f32 s1, s1\n\t"
          "vsqrt.f32 s2, s2\n\t"
          "vsqrt.f32 s3, s3"
          : "+w"(roots));
    return roots;
}

/** Square roots in reverse order. */
static inline float32x4_t birdnet_sqrt_reversed_x4(float32x4_t value) {
    register float32x4_t values __asm("q0") = value;
    register float32x4_t roots __asm("q1");
    __asm("vsqrt.f32 s4, s3\n\t"
          "vsqrt.f32 s5, s2\n\t"
          "vsqrt.f32 s6, s1\n\t"
          "vsqrt.f32 s7, s0"
          : "=&w"(roots)
          : "w"(values));
    return roots;
}

/** value / divisor, given 1 / divisor. One fused product gives the exact error of the quotient.
 * Adding its share makes the quotient correctly rounded (Markstein). */
static inline float32x4_t birdnet_divide_x4(float32x4_t value, float32x4_t quotient, float divisor,
                                            float reciprocal) {
    const float32x4_t rest = vfmaq_n_f32(value, quotient, -divisor);
    return vfmaq_n_f32(quotient, rest, reciprocal);
}

#endif
