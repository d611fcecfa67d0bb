/**
 * @file
 * Maximum and minimum on Helium. They differ in one instruction only.
 */
#ifndef BIRDNET_EXTREME_MVE_H
#define BIRDNET_EXTREME_MVE_H

#include "birdnet_broadcast.h"
#include "birdnet_broadcast_mve.h"

/** birdnet_maximum() if `largest`, otherwise birdnet_minimum(). */
static inline void birdnet_extreme(const birdnet_broadcast_t *shape, const int8_t *first,
                                   const int8_t *second, bool largest, int8_t *output) {
    const int32_t first_stride = shape->first_strides[3];
    const int32_t second_stride = shape->second_strides[3];
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        const int8_t *a = first + row.first;
        const int8_t *b = second + row.second;
        for (int32_t i = 0; i < shape->sizes[3]; i += 16) {
            const mve_pred16_t lanes = vctp8q((uint32_t)(shape->sizes[3] - i));
            const int8x16_t x = birdnet_next_x16(a + i * first_stride, first_stride, lanes);
            const int8x16_t y = birdnet_next_x16(b + i * second_stride, second_stride, lanes);
            vstrbq_p_s8(output + i, largest ? vmaxq_s8(x, y) : vminq_s8(x, y), lanes);
        }
        output += shape->sizes[3];
    }
}

#endif
