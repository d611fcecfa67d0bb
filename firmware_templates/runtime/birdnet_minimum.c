#include "birdnet_kernels.h"

#include <stddef.h>

#if !defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"

birdnet_status_t birdnet_minimum(const birdnet_broadcast_t *shape, const int8_t *first,
                                 const int8_t *second, int8_t *output) {
    if (shape == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; ++i) {
            *output++ = *a < *b ? *a : *b;
            a += shape->first_strides[3];
            b += shape->second_strides[3];
        }
    }
    return BIRDNET_OK;
}

#endif
