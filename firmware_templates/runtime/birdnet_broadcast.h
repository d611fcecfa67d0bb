/**
 * @file
 * Offsets into two operands that are repeated where their sizes differ.
 */
#ifndef BIRDNET_BROADCAST_H
#define BIRDNET_BROADCAST_H

#include "birdnet_kernels.h"

/** Offsets of the operands of row `row` of the output. */
typedef struct {
    int32_t first;
    int32_t second;
} birdnet_row_t;

/** Number of rows, each of sizes[3] elements. */
static inline int32_t birdnet_row_count(const birdnet_broadcast_t *shape) {
    return shape->sizes[0] * shape->sizes[1] * shape->sizes[2];
}

static inline birdnet_row_t birdnet_row(const birdnet_broadcast_t *shape, int32_t row) {
    const int32_t i2 = row % shape->sizes[2];
    const int32_t i1 = row / shape->sizes[2] % shape->sizes[1];
    const int32_t i0 = row / shape->sizes[2] / shape->sizes[1];
    const int32_t *a = shape->first_strides;
    const int32_t *b = shape->second_strides;
    return (birdnet_row_t){
        .first = i0 * a[0] + i1 * a[1] + i2 * a[2],
        .second = i0 * b[0] + i1 * b[1] + i2 * b[2],
    };
}

#endif
