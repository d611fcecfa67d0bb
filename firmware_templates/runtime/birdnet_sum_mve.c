/* Sums and differences on Helium, for any scales and strides. */
#include "birdnet_sum_mve.h"

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast_mve.h"

/** The term of an operand. Its factor is at most 1/2, so it never shifts to the left. */
static inline int32x4_t term(int32x4_t value, birdnet_operand_t operand) {
    const int32_t unit = INT32_C(1) << 20;
    const int32_t shift = operand.scale.shift;
    value = vmlasq_n_s32(value, vdupq_n_s32(unit), -operand.zero_point * unit);
    value = vqrdmulhq_n_s32(value, operand.scale.multiplier);
    /* vrshlq rounds a half up. Therefore 1 is subtracted from negative values first. */
    value = vmlaq_n_s32(value, vshrq_n_s32(value, 31), shift < 0);
    return vrshlq_n_s32(value, shift);
}

void birdnet_sum_row(const birdnet_sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                     int8_t *output) {
    const birdnet_operand_t a = sum->a;
    const birdnet_operand_t b = sum->b;
    const int32_t sign = sum->sign;
    const birdnet_scale_t scale = sum->scale;
    const birdnet_output_t result = sum->result;
    for (; count > 0; count -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)count);
        const int32x4_t first = term(birdnet_next_x4(x, a.stride, lanes), a);
        const int32x4_t second = term(birdnet_next_x4(y, b.stride, lanes), b);
        int32x4_t total = vmlaq_n_s32(first, second, sign);
        total = birdnet_rescale_x4(total, scale, BIRDNET_ROUNDING_ANY);
        vstrbq_p_s32(output, birdnet_clamp_x4(total, result), lanes);
        x += 4 * a.stride;
        y += 4 * b.stride;
        output += 4;
    }
}

#endif
