/**
 * @file
 * Maximum and minimum. They differ in the comparison only.
 */
#ifndef BIRDNET_EXTREME_H
#define BIRDNET_EXTREME_H

#include <stdbool.h>

#include "birdnet_broadcast.h"

/** birdnet_maximum() if `largest`, otherwise birdnet_minimum(). */
static inline void birdnet_extreme(const birdnet_broadcast_t *shape, const int8_t *first,
                                   const int8_t *second, bool largest, int8_t *output) {
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; ++i) {
            *output++ = (largest ? *a > *b : *a < *b) ? *a : *b;
            a += shape->first_strides[3];
            b += shape->second_strides[3];
        }
    }
}

#endif
