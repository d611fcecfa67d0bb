/* birdnet_add() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_mve.h"
#include "birdnet_sum_mve.h"

#define INLINE static inline __attribute__((always_inline))

/** A row of two row-major operands. The first has the factor 1/2, and all shifts go to the right.
 */
INLINE void add_quick(const birdnet_sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                      int8_t *output, birdnet_rounding_t rounding) {
    const birdnet_operand_t a = sum->a;
    const birdnet_operand_t b = sum->b;
    const birdnet_scale_t scale = sum->scale;
    const birdnet_output_t result = sum->result;
#pragma GCC unroll 1
    for (; count >= 4; count -= 4) {
        int32x4_t total =
            birdnet_term_x4(vldrbq_s32(y), b.zero_point, b.scale, BIRDNET_ROUNDING_RIGHT);
        total = birdnet_add_half_x4(total, vldrbq_s32(x), a.zero_point);
        total = birdnet_rescale_x4(total, scale, rounding);
        vstrbq_s32(output, birdnet_clamp_x4(total, result));
        x += 4;
        y += 4;
        output += 4;
    }
    if (count > 0) {
        birdnet_sum_row(sum, x, y, count, output);
    }
}

static void add_rectified(const birdnet_sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                          int8_t *output) {
    add_quick(sum, x, y, count, output, BIRDNET_ROUNDING_RECTIFIED);
}

static void add_right(const birdnet_sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                      int8_t *output) {
    add_quick(sum, x, y, count, output, BIRDNET_ROUNDING_RIGHT);
}

birdnet_status_t birdnet_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                             int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_broadcast_t *shape = &layer->shape;
    birdnet_sum_t sum = birdnet_sum(layer, 1);
    /* The operand with the larger scale has the factor 1/2. It becomes the first operand. */
    const bool swap = birdnet_is_half(sum.b.scale);
    if (swap) {
        const birdnet_operand_t larger = sum.b;
        sum.b = sum.a;
        sum.a = larger;
    }
    void (*add)(const birdnet_sum_t *, const int8_t *, const int8_t *, int32_t, int8_t *) =
        birdnet_sum_row;
    if (birdnet_is_half(sum.a.scale) && sum.b.scale.shift < 0 && sum.a.stride == 1 &&
        sum.b.stride == 1) {
        switch (birdnet_rounding(sum.scale.shift, &sum.result)) {
        case BIRDNET_ROUNDING_RECTIFIED:
            add = add_rectified;
            break;
        case BIRDNET_ROUNDING_RIGHT:
            add = add_right;
            break;
        case BIRDNET_ROUNDING_ANY:
            break;
        }
    }
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *x = swap ? second + row.second : first + row.first;
        const int8_t *y = swap ? first + row.first : second + row.second;
        add(&sum, x, y, shape->sizes[3], output);
        output += shape->sizes[3];
    }
    return BIRDNET_OK;
}

#endif
