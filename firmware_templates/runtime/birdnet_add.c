#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_requantize.h"

/** Headroom that keeps the operands' fractions while they are brought to one scale. */
#define FRACTION (INT32_C(1) << 20)

birdnet_status_t birdnet_add(const birdnet_add_t *layer, const int8_t *first, const int8_t *second,
                             int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
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
            const int32_t scaled_a = birdnet_requantize((*a - layer->first_zero_point) * FRACTION,
                                                        first_scale.multiplier, first_scale.shift);
            const int32_t scaled_b =
                birdnet_requantize((*b - layer->second_zero_point) * FRACTION,
                                   second_scale.multiplier, second_scale.shift);
            const int32_t scaled = birdnet_requantize(scaled_a + scaled_b, result_scale.multiplier,
                                                      result_scale.shift);
            *output++ = birdnet_clamp(scaled + result.zero_point, result.minimum, result.maximum);
            a += shape->first_strides[3];
            b += shape->second_strides[3];
        }
    }
    return BIRDNET_OK;
}

#endif
