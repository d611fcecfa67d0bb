/**
 * @file
 * Sum and difference. They differ in one sign only.
 */
#ifndef BIRDNET_SUM_H
#define BIRDNET_SUM_H

#include "birdnet_broadcast.h"
#include "birdnet_requantize.h"

/** birdnet_add() for the sign 1, birdnet_subtract() for -1. */
static inline void birdnet_sum(const birdnet_add_t *layer, const int8_t *first,
                               const int8_t *second, int32_t sign, int8_t *output) {
    /* Extra bits that keep the fractions of the operands while they are brought to one scale. */
    const int32_t fraction = INT32_C(1) << 20;
    const birdnet_broadcast_t *shape = &layer->shape;
    const birdnet_scale_t first_scale = layer->first_scale;
    const birdnet_scale_t second_scale = layer->second_scale;
    const birdnet_scale_t result_scale = layer->result_scale;
    const birdnet_output_t result = layer->result;
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; ++i) {
            const int32_t scaled_a = birdnet_requantize((*a - layer->first_zero_point) * fraction,
                                                        first_scale.multiplier, first_scale.shift);
            const int32_t scaled_b =
                birdnet_requantize((*b - layer->second_zero_point) * fraction,
                                   second_scale.multiplier, second_scale.shift);
            const int32_t scaled = birdnet_requantize(scaled_a + sign * scaled_b,
                                                      result_scale.multiplier, result_scale.shift);
            *output++ = birdnet_clamp(scaled + result.zero_point, result.minimum, result.maximum);
            a += shape->first_strides[3];
            b += shape->second_strides[3];
        }
    }
}

#endif
