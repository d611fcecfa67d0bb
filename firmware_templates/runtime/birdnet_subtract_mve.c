/* birdnet_subtract() for cores with Helium. */
#include "birdnet_kernels.h"

#include <stddef.h>

#if defined(__ARM_FEATURE_MVE)

#include "birdnet_broadcast.h"
#include "birdnet_sum_mve.h"

birdnet_status_t birdnet_subtract(const birdnet_add_t *layer, const int8_t *first,
                                  const int8_t *second, int8_t *output) {
    if (layer == NULL || first == NULL || second == NULL || output == NULL) {
        return BIRDNET_ERROR_ARGUMENT;
    }
    const birdnet_broadcast_t *shape = &layer->shape;
    const birdnet_sum_t sum = birdnet_sum(layer, -1);
    const int32_t rows = birdnet_row_count(shape);
    for (int32_t r = 0; r < rows; ++r) {
        const birdnet_row_t row = birdnet_row(shape, r);
        birdnet_sum_row(&sum, first + row.first, second + row.second, shape->sizes[3], output);
        output += shape->sizes[3];
    }
    return BIRDNET_OK;
}

#endif
