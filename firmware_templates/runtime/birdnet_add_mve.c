/* birdnet_add() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_mve.h"

#define INLINE static inline __attribute__((always_inline))

/** An operand: row-major, or one value for a whole row. */
typedef struct {
    int32_t stride; /**< 1 or 0 */
    int32_t zero_point;
    birdnet_scale_t scale;
} operand_t;

INLINE int32x4_t load(const int8_t *x, int32_t stride, mve_pred16_t lanes) {
    return stride == 0 ? vdupq_n_s32(*x) : vldrbq_z_s32(x, lanes);
}

/** What stays the same from row to row. */
typedef struct {
    operand_t a; /**< of the larger scale, if `quick` */
    operand_t b;
    birdnet_scale_t scale;
    birdnet_output_t result;
} sum_t;

/** Any row. */
static void add_row(const sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                    int8_t *output) {
    const birdnet_rounding_t any = BIRDNET_ROUNDING_ANY;
    const operand_t a = sum->a;
    const operand_t b = sum->b;
    for (; count > 0; count -= 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)count);
        const int32x4_t first =
            birdnet_term_x4(load(x, a.stride, lanes), a.zero_point, a.scale, any);
        const int32x4_t second =
            birdnet_term_x4(load(y, b.stride, lanes), b.zero_point, b.scale, any);
        const int32x4_t total = birdnet_rescale_x4(vaddq_s32(first, second), sum->scale, any);
        vstrbq_p_s32(output, birdnet_clamp_x4(total, sum->result), lanes);
        x += 4 * a.stride;
        y += 4 * b.stride;
        output += 4;
    }
}

/** A row of two row-major operands, the first with the factor 1/2, and shifts to the right. */
INLINE void add_quick(const sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                      int8_t *output, birdnet_rounding_t rounding) {
    const operand_t a = sum->a;
    const operand_t b = sum->b;
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
        add_row(sum, x, y, count, output);
    }
}

static void add_rectified(const sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                          int8_t *output) {
    add_quick(sum, x, y, count, output, BIRDNET_ROUNDING_RECTIFIED);
}

static void add_right(const sum_t *sum, const int8_t *x, const int8_t *y, int32_t count,
                      int8_t *output) {
    add_quick(sum, x, y, count, output, BIRDNET_ROUNDING_RIGHT);
}

birdnet_status_t birdnet_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                             int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_broadcast_t *shape = &layer->shape;
    const operand_t a = {shape->first_strides[3], layer->first_zero_point, layer->first_scale};
    const operand_t b = {shape->second_strides[3], layer->second_zero_point, layer->second_scale};
    /* The operand of the larger scale has the factor 1/2. */
    const bool swap = birdnet_is_half(b.scale);
    const sum_t sum = {swap ? b : a, swap ? a : b, layer->result_scale, layer->result};
    void (*add)(const sum_t *, const int8_t *, const int8_t *, int32_t, int8_t *) = add_row;
    if (birdnet_is_half(sum.a.scale) && sum.b.scale.shift < 0 && a.stride == 1 && b.stride == 1) {
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
