#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_requantize.h"

birdnet_status_t birdnet_multiply(const birdnet_multiply_t *layer, const int8_t *first,
                                  const int8_t *second, int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_broadcast_t *shape = &layer->shape;
    const birdnet_scale_t scale = layer->result_scale;
    const birdnet_output_t result = layer->result;
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; ++i) {
            const int32_t product =
                (*a - layer->first_zero_point) * (*b - layer->second_zero_point);
            const int32_t scaled = birdnet_requantize(product, scale.multiplier, scale.shift);
            *output++ = birdnet_clamp(scaled + result.zero_point, result.minimum, result.maximum);
            a += shape->first_strides[3];
            b += shape->second_strides[3];
        }
    }
    return BIRDNET_OK;
}

#endif
